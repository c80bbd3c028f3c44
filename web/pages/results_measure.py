"""How the values of a metric are written on the page: as everywhere else, see `experiments.measure`."""

from experiments.measure import IN_100, Measure, name_of

__all__ = ["IN_100", "Measure", "name_of"]
