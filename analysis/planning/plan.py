"""Planning: the duration that a test needs, and alternatives if that is too long.

All chances are simulated with the stopping rule; see `forecast`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from typing import Any, Final, Literal

import numpy as np
from scipy.special import ndtri

from analysis.errors import AnalysisError, refuse_non_numbers
from analysis.planning.audience import Audience
from analysis.planning.days_left import DaysLeft, days_left
from analysis.planning.forecast import SEED, TESTS, Outcomes, expected
from analysis.stopping.rules import Rules

__all__ = ["LONGEST_DAYS", "Audience", "DaysLeft", "Help", "Outcomes", "Plan", "days_left", "detectable_lift", "plan"]

LONGEST_DAYS: Final = 364  # 52 whole weeks
# The search uses fewer tests and looks; the chosen plan is simulated with daily looks.
_FEW_LOOKS, _SEARCH_TESTS = 20, 1_000


@dataclass(frozen=True, slots=True)
class Help:
    """One change that would make an unreachable plan reachable.

    Attributes
    ----------
    kind : {"lift", "traffic", "variants"}
    value : float
        The detectable lift, the sufficient members a day, or the number of variants.
    """

    kind: Literal["lift", "traffic", "variants"]
    value: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to "how long must it run?".

    Attributes
    ----------
    audience : Audience
    rules : Rules
        With the planned days; if the plan is unreachable, with the longest plan.
    lift : float
        The lift worth finding.
    power : float
        The target chance of shipping the right variant if one has that lift.
    outcome : {"enough", "too_short", "unreachable"}
        Whether the planned days reach the power, to the whole per cent that is shown; whether more days would; or
        whether no plan within `LONGEST_DAYS` does.
    planned_days : int
        The recommended days, in whole weeks because weekdays differ; or the given ones.
    enough_days : int or None
        Approximate minimum of days that reach the power, before rounding up to weeks; None if unreachable.
    members : int
        Members of all variants by the planned end.
    with_lift, without : Outcomes
        Outcomes if one variant has the lift worth finding, and if all are equal.
    by_prior : Outcomes
        Outcomes if the true lifts follow the lift prior: `by_prior.decisive` is the assurance.
    helps : tuple of Help
        Changes that would help, if the plan is unreachable.
    tests, seed : int
        Number of simulated tests, and the seed.
    window_days : int or None
        The attribution window; None if unknown.
    """

    audience: Audience
    rules: Rules
    lift: float
    power: float
    outcome: Literal["enough", "too_short", "unreachable"]
    planned_days: int
    enough_days: int | None
    members: int
    with_lift: Outcomes
    without: Outcomes
    by_prior: Outcomes
    helps: tuple[Help, ...] = ()
    tests: int = TESTS
    seed: int = SEED
    window_days: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        own = {name: getattr(self, name) for name in self.__slots__}
        nested = ("audience", "with_lift", "without", "by_prior")
        out = own | {name: asdict(own[name]) for name in nested} | {"rules": self.rules.to_dict()}
        out["audience"]["weights"] = list(self.audience.weights)
        return out | {"assurance": self.by_prior.decisive, "helps": [asdict(one) for one in self.helps]}


def plan(
    audience: Audience,
    lift: float,
    *,
    power: float = 0.8,
    rules: Rules | None = None,
    planned_days: int | None = None,
    window_days: int | None = None,
    tests: int = TESTS,
    seed: int = SEED,
) -> Plan:
    """Choose the shortest plan in whole weeks that ships the right variant with the target chance.

    The chance shown is never below the target: the chosen plan reaches it in the simulation that is shown.

    Parameters
    ----------
    lift : float
        Worth finding: 0.1 is 10 % better than the control.
    power : float
        Target chance of shipping it, between 0.5 and 0.99.
    rules : Rules, optional
        Its `planned_days` are ignored.
    planned_days : int, optional
        Evaluate a plan of this many days instead of choosing one.
    window_days : int, optional
        The attribution window. No shorter plan is chosen, since it would end before any member's window.

    Raises
    ------
    AnalysisError
        An argument outside its bounds.
    """
    rules = rules or Rules()
    _refuse(audience, lift, power, planned_days, window_days, tests, seed)

    def chance(days: int, of: float = lift, audience: Audience = audience) -> float:
        return expected(audience, rules, days, of, tests=_SEARCH_TESTS, seed=seed, looks=_FEW_LOOKS).right.value

    simulated = partial(expected, audience, rules, tests=tests, seed=seed)
    judged = cache(lambda days: simulated(days, lift))
    enough, days = _enough_and_planned(chance, judged, power, planned_days, window_days)
    outcomes = judged(days)
    outcome = _outcome(outcomes, power, enough)
    return Plan(
        audience,
        replace(rules, planned_days=float(days)),
        lift,
        power,
        outcome,
        days,
        enough,
        int(audience.members([days]).sum()),
        outcomes,
        simulated(days, 0.0),
        simulated(days, None),
        _helps(audience, rules, lift, power, chance) if outcome == "unreachable" else (),
        tests,
        seed,
        window_days,
    )


def _refuse(
    audience: Audience,
    lift: float,
    power: float,
    planned_days: int | None,
    window_days: int | None,
    tests: int,
    seed: int,
) -> None:
    """Refuse arguments that cannot be planned, with the value, the bound and the remedy."""
    if not isinstance(audience, Audience):
        raise AnalysisError("bad_request", f"audience is {audience!r}; give an Audience(mean, members_a_day).")
    refuse_non_numbers(lift=lift, power=power, tests=tests, seed=seed)
    if not (tests >= 100 and seed >= 0):
        raise AnalysisError(
            "bad_request", f"tests is {tests} and seed {seed}; give 100 tests or more, and a seed from 0."
        )
    if not 0.5 <= power <= 0.99:
        raise AnalysisError("bad_request", f"A power of {power}; give a chance from 0.5 to 0.99, such as 0.8.")
    if not lift > 0:
        raise AnalysisError("bad_request", f"A lift of {lift} cannot be found; give one above 0, such as 0.1.")
    if planned_days is not None and not 1 <= planned_days <= 365:
        raise AnalysisError("bad_request", f"{planned_days} planned days; give a number from 1 to 365.")
    if window_days is not None and not 1 <= window_days <= LONGEST_DAYS:
        raise AnalysisError("bad_request", f"A window of {window_days} days; give a number from 1 to {LONGEST_DAYS}.")


def _enough_and_planned(
    chance: Callable[[int], float],
    judged: Callable[[int], Outcomes],
    power: float,
    planned_days: int | None,
    window_days: int | None,
) -> tuple[int | None, int]:
    """Return the fewest days that reach the power, None if a year does not, and the days of the plan."""
    enough = _shortest(chance, power)
    if enough is None or (planned_days and _reached(judged(planned_days), power)):
        return enough, planned_days or LONGEST_DAYS
    least = max(planned_days + 1 if planned_days else 1, window_days or 1)
    enough, weeks = _in_weeks(judged, power, enough, least)
    return enough, planned_days or weeks


def _outcome(outcomes: Outcomes, power: float, enough: int | None) -> Literal["enough", "too_short", "unreachable"]:
    if _reached(outcomes, power):
        return "enough"
    return "unreachable" if enough is None else "too_short"


def _reached(outcomes: Outcomes, power: float) -> bool:
    """Return whether a plan reaches the power, to the whole per cent that is shown."""
    return round(100 * outcomes.right.value) >= round(100 * power)


def _in_weeks(judged: Callable[[int], Outcomes], power: float, enough: int, least: int) -> tuple[int | None, int]:
    """Return the fewest days and the whole weeks, at least `least`, that reach the power; None if a year does not.

    With more looks and tests the week of the search may turn out too short; then the next one is taken.
    """
    first = 7 * math.ceil(max(enough, least) / 7)
    for days in range(first, LONGEST_DAYS + 1, 7):
        if _reached(judged(days), power):
            return (enough if days == first else max(enough, days - 6)), days
    return None, LONGEST_DAYS


def _shortest(chance: Callable[[int], float], power: float) -> int | None:
    """Return the fewest days that reach the power: by weeks first, then to the day within the week; None = no."""
    if chance(7) >= power:
        return _bisected(chance, power, 0, 7)
    weeks = 1
    while chance(7 * weeks) < power:  # doubling keeps the long plans, which cost most, for those who need them
        if 7 * weeks == LONGEST_DAYS:
            return None
        weeks = min(2 * weeks, LONGEST_DAYS // 7)
    return _bisected(chance, power, 0 if weeks == 1 else 7 * (weeks // 2), 7 * weeks)


def _bisected(chance: Callable[[int], float], power: float, low: int, high: int) -> int:
    """Return the smallest number of days above `low`, up to `high`, that reaches the power."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= power else (middle, high)
    return high


def detectable_lift(
    audience: Audience, rules: Rules, days: int, power: float, *, tests: int = _SEARCH_TESTS, seed: int = SEED
) -> float | None:
    """Return the smallest lift that a plan of so many days ships with that chance; None where not even +300 %.

    A straight line through two points on the probit scale, on which the chance is almost linear in the lift.
    """

    def probit(lift: float) -> float:
        right = expected(audience, rules, days, lift, tests=tests, seed=seed, looks=_FEW_LOOKS).right.value
        return float(ndtri(min(max(right, 0.5 / tests), 1 - 0.5 / tests)))

    top = _largest_lift(audience)
    guess, target = min(_fixed_look_lift(audience, rules, days, power), top), float(ndtri(power))
    tried: list[tuple[float, float]] = []
    for _ in range(8):
        now = probit(guess)
        tried.append((guess, now))
        if abs(now - target) < 0.03:
            return _between(tried, target)
        if guess >= top and now < target:
            return None
        # Where nothing or everything is found the probit is flat: step, else follow the line.
        follows = abs(now) < 2.5
        step = guess * (1 + (target - now) / (target + 2.0 + now if now > -1.5 else 1.5)) if follows else 0.0
        guess = min(top, step if 0.4 * guess < step < 2.5 * guess else guess * (1.8 if now < target else 0.6))
    return _between(tried, target)


def _between(tried: list[tuple[float, float]], target: float) -> float:
    """Interpolate between the nearest points on either side, or take the nearest."""
    below = max((point for point in tried if point[1] <= target), key=lambda p: p[1], default=None)
    above = min((point for point in tried if point[1] > target), key=lambda p: p[1], default=None)
    if below is None or above is None or above[1] - below[1] > 1.5:
        return min(tried, key=lambda point: abs(point[1] - target))[0]
    return below[0] + (above[0] - below[0]) * (target - below[1]) / (above[1] - below[1])


def _largest_lift(audience: Audience) -> float:
    if not audience.higher:
        return 0.99
    return 3.0 if audience.sd is not None else min(3.0, 0.995 / audience.mean - 1)


def _fixed_look_lift(audience: Audience, rules: Rules, days: int, power: float) -> float:
    """Return the lift that a single look at the end would find: a start for the search."""
    n = np.maximum(audience.members([days])[0], 1)
    spread = audience.sd or math.sqrt(audience.mean * (1 - audience.mean))
    error = spread / audience.mean * math.sqrt(1 / n[0] + 1 / n[1])
    return float(error * (ndtri(power) - ndtri(rules.alpha / audience.comparisons / 2)) * 1.03)


def _helps(
    audience: Audience, rules: Rules, lift: float, power: float, chance: Callable[..., float]
) -> tuple[Help, ...]:
    """Return what would help: a larger lift, more members a day, fewer variants; each one simulated."""
    helps = []
    detectable = detectable_lift(audience, rules, LONGEST_DAYS, power)
    if detectable is not None and detectable > lift:
        helps.append(Help("lift", detectable))
        faster = (detectable / lift) ** 2
        for _ in range(6):
            more = replace(audience, members_a_day=min(audience.members_a_day * faster, 1e10))
            if chance(LONGEST_DAYS, lift, more) >= power:
                helps.append(Help("traffic", more.members_a_day))
                break
            faster *= 1.25
    if audience.comparisons > 1 and chance(LONGEST_DAYS, lift, replace(audience, weights=(0.5, 0.5))) >= power:
        helps.append(Help("variants", 2.0))
    return tuple(helps)
