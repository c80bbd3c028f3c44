"""How long a test must run and what it can detect, simulated with the stopping rule itself."""
