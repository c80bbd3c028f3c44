"""What API and pages share: requests, errors as problem+json, rate limits, services, counters."""
