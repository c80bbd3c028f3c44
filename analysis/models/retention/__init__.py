"""Retention: half-life, retention by day and its tail."""
