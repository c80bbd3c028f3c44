"""What can be measured: event types, metrics and currencies."""
