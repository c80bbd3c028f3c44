"""From posteriors and evidence to a verdict: ship, keep running, stop or do not trust."""
