"""Shared by the sampled models of amounts and counts: checks of their data, and a fit with a second attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.sampling import engine
from analysis.sampling.diagnostics import Diagnostics, diagnose

#: Target acceptance of the first and the second attempt; higher values give smaller steps.
CARE = (0.9, 0.98)
TUNE = 1000


def not_trusted(diagnostics: Diagnostics) -> NotShown:
    """Return the reason for not showing a fit with failed diagnostics."""
    return not_shown("fit_not_trusted", reasons=diagnostics.reasons)


def check_control(statistics: Mapping[str, Any], control: str) -> None:
    """Raise AnalysisError for a control without data."""
    if control not in statistics:
        known = ", ".join(statistics) or "none"
        raise AnalysisError("unknown_variant", f"The control {control!r} has no data; there is {known}.")


def of_one_kind(statistics: Mapping[str, Any], kind: type, what: str) -> None:
    """Raise AnalysisError for no data or data of another kind; `what` names the kind, such as "amounts"."""
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
    """Sample a model; if the diagnostics fail, once more with smaller steps.

    Parameters
    ----------
    longer : int
        Factor for the number of draws of the second attempt.
    derived : callable, optional
        Computes further shown quantities from the draws: arrays of shape (chains, draws, ...), diagnosed as well.
    """
    for accept, times in zip(CARE, (1, longer), strict=True):
        size = {"draws": draws * times, "tune": TUNE * times}
        try:
            drawn = engine.sample(build, shape, data, seed=seed, chains=chains, accept=accept, **size)
        except engine.EngineError as error:
            return not_shown("fit_failed", error=str(error))
        judged = dict(drawn.values) | dict(derived(drawn.values) if derived else {})
        diagnostics = diagnose(judged, drawn.divergences)
        if diagnostics.passed:
            return drawn, diagnostics
    return not_trusted(diagnostics)
