"""Posterior draws of the parts that take a sampled model, beside those of the scorecard.

They come from the fits of the stored result, made again with its inputs and its seed: the means are the stored ones.
"""

from collections.abc import Iterator

from analysis import NotShown
from experiments.analyses.sampled import SAMPLED
from experiments.analyses.sampled.draws import Drawn
from experiments.exporting.source import Stored


def sampled_draws(stored: Stored, *, models: bool) -> Iterator[tuple[str, Drawn | NotShown]]:
    """Yield every variable, or why it is missing.

    Parameters
    ----------
    models : bool
        Whether to fit the models that take a sampler (PyMC, seconds); without them only the half-life is drawn.
    """
    variants = [variant.key for variant in stored.variants]
    for part in SAMPLED:
        yield from part.draws(stored.inputs, stored.answer.entries(part), variants, models)
