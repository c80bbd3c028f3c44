"""The planner: how long to run and what to expect."""
