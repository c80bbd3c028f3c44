"""The example experiment: a simulated audience that goes through the HTTP API like a real one."""
