"""The scorecard: every metric's posteriors and comparisons from sufficient statistics."""
