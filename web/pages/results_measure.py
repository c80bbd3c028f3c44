"""How the values of a metric are written on the page: as everywhere else, see `experiments.reporting.measures`."""

from experiments.reporting.measures import IN_100, Measure, name_of

__all__ = ["IN_100", "Measure", "name_of"]
