"""A posterior over several variants: marginals, intervals, chances of being best, expected losses."""
