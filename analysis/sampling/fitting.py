"""What the sampled models of amounts and counts share: the data they take, and a fit with a second, careful attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics, diagnose

#: How careful the sampler is, in turn: the step that it accepts.
CARE = (0.9, 0.98)
TUNE = 1000


def not_trusted(diagnostics: Diagnostics) -> NotShown:
    """Return why a fit whose diagnostics did not pass is not shown."""
    return not_shown("fit_not_trusted", reasons=diagnostics.reasons)


def known_control(statistics: Mapping[str, Any], control: str) -> None:
    """Refuse a control that has no data."""
    if control not in statistics:
        known = ", ".join(statistics) or "none"
        raise AnalysisError("unknown_variant", f"The control {control!r} has no data; there is {known}.")


def of_one_kind(statistics: Mapping[str, Any], kind: type, what: str) -> None:
    """Refuse no data, and data of another kind; `what` names them, such as "amounts"."""
    if not statistics:
        raise AnalysisError("too_few_variants", f"There is no data; give the {what} of at least one variant.")
    for variant, own in statistics.items():
        if not isinstance(own, kind):
            raise AnalysisError(
                "mixed_kinds", f"The data of {variant!r} are {type(own).__name__}; give {kind.__name__}."
            )


def sampled(
    build: Callable[..., Any],
    shape: tuple[int, ...],
    data: Mapping[str, np.ndarray],
    *,
    seed: int,
    draws: int,
    chains: int,
    longer: int,
    derived: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]] | None = None,
) -> tuple[engine.Draws, Diagnostics] | NotShown:
    """Sample a model; where the chains do not pass, once more with smaller steps.

    Parameters
    ----------
    longer : int
        How many times as many draws the second attempt makes.
    derived : callable, optional
        From the draws to what else is shown of them: arrays of shape (chains, draws, ...), diagnosed as well.
    """
    for accept, times in zip(CARE, (1, longer), strict=True):
        size = {"draws": draws * times, "tune": TUNE * times}
        try:
            found = engine.sample(build, shape, data, seed=seed, chains=chains, accept=accept, **size)
        except engine.EngineError as error:
            return not_shown("fit_failed", error=str(error))
        judged = dict(found.values) | dict(derived(found.values) if derived else {})
        diagnostics = diagnose(judged, found.divergences)
        if diagnostics.passed:
            return found, diagnostics
    return not_trusted(diagnostics)
