"""Adaptive allocation: the shares of new members that the variants should have, given the data so far.

Pure functions of the chances to be best, so the same posterior gives the same shares to the digit.

*Thompson sampling* (Thompson 1933) gives each variant a share equal to its chance to be best. It has little regret, but
once a leader is likely it hardly samples the others and takes long to be certain. *Top-two* (Russo 2016) gives half of
the leader's turns to its best challenger: slightly more regret, but the best variant is identified sooner.

Both move in steps, because the outcomes of the newest members are still missing, so that a posterior reflects
yesterday's leader more than today's. A floor keeps sampling every variant; without it the means of trailing variants
are too low (a variant falls behind by chance and is then sampled too little to recover).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from analysis.errors import AnalysisError, NotShown, not_shown
from analysis.posterior.joint import Posterior
from analysis.scoring.score import MetricResult

Method = Literal["thompson", "top_two"]
METHODS: tuple[Method, ...] = ("thompson", "top_two")
#: Share of turns that top-two leaves to the leader (Russo 2016).
LEADERS_TURNS = 0.5
#: Part of the way to their target that shares move at one look, which halves the cost of one day's false lead.
STEP = 0.5


@dataclass(frozen=True, slots=True)
class Proposal:
    """The traffic split for new members from now on.

    Attributes
    ----------
    method : {"thompson", "top_two"}
    floor : float
        The least share of any variant.
    shares : mapping of variant key to float
        In variant order; they add up to 1, none is below the floor.
    target : mapping of variant key to float
        The shares by the posterior, before the floor and the step.
    """

    method: Method
    floor: float
    shares: Mapping[str, float]
    target: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def propose(
    result: MetricResult,
    *,
    method: Method,
    floor: float,
    current: Mapping[str, float] | None = None,
    step: float = STEP,
) -> Proposal | NotShown:
    """Propose shares from a scorecard.

    Parameters
    ----------
    result : MetricResult
        Of the primary metric; its chances to be best follow the metric's direction.
    method : {"thompson", "top_two"}
    floor : float
        The least share of any variant, 0 up to an equal share.
    current : mapping of variant key to float, optional
        The current shares, from which a step is taken; without them the posterior's shares are returned.
    step : float
        How far towards the target, above 0 up to 1.

    Returns
    -------
    Proposal; NotShown if the metric has no posterior yet, so that the current shares stay.
    """
    chances = [row.p_best for row in result.variants]
    if result.not_shown is not None or any(p is None for p in chances):
        if result.not_shown is None:
            return not_shown("no_posterior")
        return not_shown("no_posterior.because", reason=result.not_shown.reason)
    keys = [row.variant for row in result.variants]
    target = target_shares(np.array(chances, float), method)
    shares = target
    if current is not None:
        shares = stepped(target, _in_order(current, keys), step)
    shares = floored(shares, floor)
    return Proposal(method, floor, _named(keys, shares), _named(keys, target))


def from_posterior(posterior: Posterior, *, higher: bool, method: Method, floor: float) -> dict[str, float]:
    """Return shares straight from a posterior, for simulations and notebooks."""
    p_best, _ = posterior.best_and_loss(higher=higher)
    return _named(posterior.variants, floored(target_shares(p_best, method), floor))


def target_shares(p_best: np.ndarray, method: Method) -> np.ndarray:
    """Return the shares a method gives to these chances to be best."""
    p = np.asarray(p_best, float)
    if p.ndim != 1 or len(p) < 2:
        raise AnalysisError("too_few_variants", f"Shares are for at least 2 variants, not {p.size}.")
    if not np.all(np.isfinite(p)) or p.min() < 0 or abs(p.sum() - 1) > 1e-6:
        raise AnalysisError(
            "bad_request", f"Chances to be best of {p.tolist()} do not add up to 1; give one a variant."
        )
    if method not in METHODS:
        raise AnalysisError("bad_request", f"The method {method!r} is unknown; use {' or '.join(METHODS)}.")
    p = p / p.sum()
    return p if method == "thompson" else _top_two(p)


def _top_two(p: np.ndarray) -> np.ndarray:
    """Return the chance of each variant to be chosen: as the leader drawn, or as the challenger.

    Drawing again until another variant leads gives i with probability p_i / (1 − p_j), so no draws are needed.
    """
    challenger = np.zeros_like(p)
    for j, leading in enumerate(p):
        others = np.delete(p, j)
        rest = others.sum()
        # If j is certain, its challengers get equal shares.
        share = others / rest if rest > 0 else np.full(len(others), 1 / len(others))
        challenger += leading * np.insert(share, j, 0.0)
    return LEADERS_TURNS * p + (1 - LEADERS_TURNS) * challenger


def stepped(target: np.ndarray, current: np.ndarray, step: float) -> np.ndarray:
    """Return shares on the way from the current ones to the target."""
    if not 0 < step <= 1:
        raise AnalysisError("bad_request", f"The step {step} is not above 0 and at most 1.")
    shares: np.ndarray = current + step * (target - current)
    return shares


def floored(shares: np.ndarray, floor: float) -> np.ndarray:
    """Return shares of at least `floor` that add up to 1, with the other shares in their previous proportion.

    Raises
    ------
    AnalysisError
        A floor below 0 or above an equal share.
    """
    count = len(shares)
    if not (math.isfinite(floor) and 0 <= floor <= 1 / count + 1e-12):
        raise AnalysisError(
            "bad_request",
            f"A floor of {floor} for each of {count} variants is not between 0 and an equal share of {1 / count:.4g}.",
        )
    low = np.zeros(count, bool)
    out = np.asarray(shares, float) / np.sum(shares)
    for _ in range(count):
        below = ~low & (out < floor)
        if not below.any():
            break
        low |= below
        left, rest = 1 - floor * low.sum(), shares[~low].sum()
        out = np.where(low, floor, shares * (left / rest if rest > 0 else 0.0))
    return out if not low.all() else np.full(count, 1 / count)


def _in_order(current: Mapping[str, float], keys: Sequence[str]) -> np.ndarray:
    missing = [key for key in keys if key not in current]
    if missing:
        raise AnalysisError("unknown_variant", f"Variant {missing[0]!r} has no current share; give one for each.")
    shares = np.array([current[key] for key in keys], float)
    if not np.all(np.isfinite(shares)) or shares.min() < 0 or shares.sum() <= 0:
        raise AnalysisError("bad_request", f"Current shares of {shares.tolist()} are no shares; give numbers above 0.")
    normalised: np.ndarray = shares / shares.sum()
    return normalised


def _named(keys: Sequence[str], shares: np.ndarray) -> dict[str, float]:
    return {key: float(share) for key, share in zip(keys, shares, strict=True)}
