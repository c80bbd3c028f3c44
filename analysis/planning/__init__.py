"""Planned duration and detectable lift, simulated with the stopping rule itself."""
