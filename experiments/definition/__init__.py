"""What an experiment is: its fields, their bounds, targeting and variant names."""
