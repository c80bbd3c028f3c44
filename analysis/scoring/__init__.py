"""The scorecard of a metric: posteriors and comparisons from sufficient statistics."""
