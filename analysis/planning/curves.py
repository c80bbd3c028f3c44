"""The planning curves: chance of finding a lift, detectable lift and outcomes, by planned duration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scipy.optimize import isotonic_regression

from analysis.planning.audience import Audience
from analysis.planning.forecast import SEED, Outcomes, Share, expected
from analysis.planning.plan import LONGEST_DAYS, Plan, detectable_lift
from analysis.stopping.rules import Rules

LIFTS: Final = (0.02, 0.05, 0.10, 0.20)
_POINTS: Final = 8
#: Fewer tests and looks than for the plan itself, since a pixel is wider than the error.
_TESTS, _LOOKS = 1_000, 20


@dataclass(frozen=True, slots=True)
class LiftCurve:
    """The chance of shipping a variant of that lift, by planned duration.

    Attributes
    ----------
    lift : float
    chances : tuple of Share
        One for each duration; smoothed to never fall, because more days never hide a lift.
    """

    lift: float
    chances: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """All curves by planned duration.

    Attributes
    ----------
    days : tuple of int
        Planned durations, ascending.
    lifts : tuple of LiftCurve
        The typical lifts and the one worth finding, ascending.
    detectable : tuple of float or None
        The smallest lift that each duration finds with the target chance; None if there is none.
    by_prior : tuple of Outcomes
        Outcomes of tests with true lifts drawn from the lift prior.
    """

    days: tuple[int, ...]
    lifts: tuple[LiftCurve, ...]
    detectable: tuple[float | None, ...]
    by_prior: tuple[Outcomes, ...]


def durations(planned_days: int) -> tuple[int, ...]:
    """Return up to ten durations that reach twice a plan: days for a plan of a week, even weeks for longer ones."""
    if planned_days <= 7:
        return (1, 2, 3, 4, 5, 6, 7, 10, 14)
    last = min(max(2 * math.ceil(planned_days / 7), 4), LONGEST_DAYS // 7)
    step = math.ceil(last / _POINTS)
    weeks = {1, *range(step, last + 1, step), last}
    return tuple(7 * week for week in sorted(weeks))


def curves(plan: Plan, *, days: Sequence[int] | None = None, seed: int = SEED) -> Curves:
    """Simulate the curves of a plan.

    Parameters
    ----------
    days : sequence of int, optional
        By default `durations` of the plan.
    """
    chosen = tuple(days or durations(plan.planned_days))
    audience, rules = plan.audience, plan.rules
    return Curves(
        chosen,
        tuple(_lift_curve(audience, rules, lift, chosen, seed) for lift in _lifts(plan)),
        _falling([detectable_lift(audience, rules, each, plan.power, tests=_TESTS, seed=seed) for each in chosen]),
        tuple(expected(audience, rules, each, None, tests=_TESTS, seed=seed, looks=_LOOKS) for each in chosen),
    )


def _lifts(plan: Plan) -> list[float]:
    """Return the possible typical lifts, with the lift worth finding in place of any close to it."""
    most = 1.0 if not plan.audience.higher else math.inf
    if plan.audience.sd is None and plan.audience.higher:
        most = 1 / plan.audience.mean - 1
    usual = [lift for lift in LIFTS if abs(math.log(lift / plan.lift)) > 0.3 and lift < most]
    return sorted([*usual, plan.lift])


def _lift_curve(audience: Audience, rules: Rules, lift: float, days: Sequence[int], seed: int) -> LiftCurve:
    chances = [expected(audience, rules, each, lift, tests=_TESTS, seed=seed, looks=_LOOKS).right for each in days]
    smooth = isotonic_regression([share.value for share in chances]).x
    return LiftCurve(lift, tuple(Share(float(p), share.error) for p, share in zip(smooth, chances, strict=True)))


def _falling(lifts: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return detectable lifts that never rise with the days; leading None values stay."""
    known = [lift for lift in lifts if lift is not None]
    if not known:
        return tuple(lifts)
    smooth = iter(isotonic_regression(known, increasing=False).x)
    return tuple(None if lift is None else float(next(smooth)) for lift in lifts)
