"""A prior for lifts, learned from finished experiments."""
