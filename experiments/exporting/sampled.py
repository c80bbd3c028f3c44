"""Posterior draws of the sampled models, in addition to those of the scorecard.

The fits of the stored result are repeated with its inputs and its seed, so the means are the stored ones.
"""

from collections.abc import Iterator

from analysis import NotShown
from experiments.analyses.sampled import SAMPLED
from experiments.analyses.sampled.draws import Drawn
from experiments.exporting.source import Stored


def sampled_draws(stored: Stored, *, models: bool) -> Iterator[tuple[str, Drawn | NotShown]]:
    """Yield every variable, or the reason why it is missing.

    Parameters
    ----------
    models : bool
        Whether to fit the models that need a sampler (PyMC, seconds); without them only the half-life is drawn.
    """
    variants = [variant.key for variant in stored.variants]
    for part in SAMPLED:
        yield from part.draws(stored.inputs, stored.answer.entries(part), variants, models)
