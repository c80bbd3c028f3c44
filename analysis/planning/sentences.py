"""A plan in words: the sentence first, then the figures it rests on, each with its explanation."""

from __future__ import annotations

from typing import Final

from analysis import wording
from analysis.planning.forecast import Share
from analysis.planning.plan import LONGEST_DAYS, Plan
from analysis.stopping.rules import Fact

NOTHING_HELPS: Final = (
    "Nothing simple helps: too few members do it. Decide by something that more members do, or show it to many more."
)


def window_on_top(plan: Plan) -> str:
    """Return what the planned days leave out: the window of whoever comes on the last of them, or of everybody."""
    if plan.window_days is None:
        return "Members who come last need their window on top."
    window = _days(plan.window_days)
    if plan.planned_days < plan.window_days:
        return (
            f"That is shorter than the window of {window} in which actions count: it ends before anybody's window has, "
            f"so much of what members do comes too late for it. Plan {window} or more, or choose a shorter window."
        )
    return f"Members who come last need their window of {window} on top."


def duration(days: int) -> str:
    """Return ``3 weeks`` where the days are whole weeks, else ``10 days``."""
    number, unit = (days // 7, "week") if days % 7 == 0 else (days, "day")
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def of_hundred(share: Share) -> str:
    """Return a share of tests, e.g. ``81 of 100``; never all or none, which no simulation can show."""
    if share.value > 0.995:
        return "more than 99 of 100"
    if share.value < 0.005:
        return "fewer than 1 of 100"
    return f"{100 * share.value:.0f} of 100"


def better_by(lift: float) -> str:
    """Return a lift without a sign, e.g. ``10 %``; for metrics of which less is better as well."""
    return wording.threshold(lift)


def detectable(plan: Plan, lift: float | None) -> str:
    """Return the smallest lift that the planned days find with the wanted chance (`planning.detectable_lift`)."""
    told, wanted = duration(plan.planned_days), f"in {100 * plan.power:.0f} of 100 tests"
    if lift is None:
        return f"No lift at all is found {wanted} in {told}."
    return f"The smallest lift that is found {wanted} in {told}: {wording.percent(lift, 1)}."


def headline(plan: Plan) -> str:
    """Return the answer in a few words."""
    told = duration(plan.planned_days)
    if plan.planned_days < (plan.window_days or 0) and plan.outcome != "unreachable":
        return f"{told[0].upper()}{told[1:]} {'is' if told.startswith('1 ') else 'are'} shorter than the window."
    if plan.outcome == "enough":
        return f"Run it for about {told}." if plan.enough_days != plan.planned_days else f"Run it for {told}."
    if plan.outcome == "too_short":
        return f"{told[0].upper()}{told[1:]} {'is' if told.startswith('1 ') else 'are'} too short."
    return "Not within a year."


def reason(plan: Plan) -> str:
    """Return one or two plain sentences behind the headline."""
    variants = len(plan.audience.weights)
    found = of_hundred(plan.with_lift.right)
    who = f"With {plan.audience.members_a_day:,.0f} members a day on {variants} variants"
    what = f"a variant that is better by {better_by(plan.lift)}"
    if plan.outcome == "unreachable":
        wanted = f"{100 * plan.power:.0f} of 100"
        if plan.planned_days < LONGEST_DAYS:
            told = f"{who}, {what} is found and shipped in {found} tests of {duration(plan.planned_days)}"
            return f"{told}; wanted are {wanted}, which not even a year reaches."
        return f"{who}, {what} is found and shipped in {found} tests of a year; wanted are {wanted}."
    if plan.outcome == "too_short":
        return f"{who}, {what} would be found and shipped in {found} such tests. {_enough(plan)}"
    half = plan.with_lift.median_days
    sooner = "" if half is None else f", and half of them have their answer by day {half:g}"
    return f"{who}, {what} is found and shipped in {found} such tests{sooner}. {_weeks(plan)}".strip()


def helps(plan: Plan) -> tuple[str, ...]:
    """Return what would make an unreachable plan reachable, a sentence each."""
    told = {
        "lift": lambda value: f"Look for a larger lift: {wording.signed_percent(value)} is found within a year.",
        "traffic": lambda value: f"Bring in more members: about {_round_up(value):,} a day are enough.",
        "variants": lambda value: f"Compare fewer variants: with {value:.0f} a year is enough.",
    }
    if plan.outcome != "unreachable":
        return ()
    return tuple(told[found.kind](found.value) for found in plan.helps) or (NOTHING_HELPS,)


def facts(plan: Plan) -> tuple[Fact, ...]:
    """Return the figures beside the sentence."""
    each = plan.audience.members([plan.planned_days])[0]
    lift, wanted = better_by(plan.lift), duration(plan.planned_days)
    return (
        Fact(
            "Members in all",
            f"{plan.members:,}",
            f"Within {wanted}, at {plan.audience.members_a_day:,.0f} a day; {each.min():,} in the smallest variant.",
        ),
        Fact(
            f"Finds a variant that is {lift} better",
            share(plan.with_lift.right),
            f"How often tests such as this one ship the right variant, if one is truly {lift} better and the others "
            f"are like the control. {_of_simulated(plan, plan.with_lift.right)}",
        ),
        Fact(
            "Ships one that is not better",
            share(plan.without.wrong),
            "How often a variant is shipped although all are truly alike, looked at every day. "
            f"{_of_simulated(plan, plan.without.wrong)}",
        ),
        Fact(
            "Half have their answer by",
            "–" if plan.with_lift.median_days is None else f"day {plan.with_lift.median_days:g}",
            f"Half of the tests with a variant that is {lift} better have ended by then; a clear answer comes early.",
        ),
        Fact(
            "Ends with an answer",
            wording.chance(plan.by_prior.decisive),
            "The assurance: how often such a test ends in a verdict in time, whatever is true. The true lifts are "
            f"drawn from the prior “{plan.rules.lift_prior.name}”.",
        ),
    )


def believed(plan: Plan) -> str:
    """Return what is announced if true lifts are as believed beforehand, whatever lift the plan asks for."""
    found = plan.by_prior
    if found.announced_lift is None or found.true_lift is None:
        return "Nothing is shipped in any of the simulated tests."
    told, true = wording.signed_percent(found.announced_lift), wording.signed_percent(found.true_lift)
    # Without a true lift there is nothing to exaggerate; a tenth is more than the simulation's own noise.
    fair = abs(found.announced_lift) <= abs(found.true_lift) * 1.1
    honest = "it does not exaggerate" if fair else "it exaggerates"
    return f"Where a variant is shipped, announced on average {told}, true {true}: {honest}."


def share(found: Share) -> str:
    """Return a simulated share as a percentage that never claims certainty."""
    return wording.chance(found.value)


def _of_simulated(plan: Plan, found: Share) -> str:
    return f"Of {plan.tests:,} simulated tests, give or take {wording.percent(2 * found.error, 1)}."


def _weeks(plan: Plan) -> str:
    if plan.enough_days is None or plan.enough_days >= plan.planned_days or plan.planned_days % 7:
        return ""
    enough = f"There are members enough after {_days(plan.enough_days)}"
    if 7 * -(-plan.enough_days // 7) < plan.planned_days:  # only the window asks for more
        return (
            f"{enough}, but a member's actions count for {_days(plan.window_days or 1)}: shorter, nobody's were over."
        )
    return f"{enough}; whole weeks show weekdays and weekends alike."


def _enough(plan: Plan) -> str:
    assert plan.enough_days is not None  # else the plan were unreachable
    weeks = 7 * -(-max(plan.enough_days, plan.window_days or 1) // 7)
    wanted = f"{100 * plan.power:.0f} of 100"
    return f"For {wanted} it takes {duration(weeks)}; there are members enough after day {plan.enough_days}."


def _days(number: int) -> str:
    return f"{number} {'day' if number == 1 else 'days'}"


def _round_up(number: float) -> int:
    """Two figures that are enough."""
    step = 10 ** max(len(str(int(number))) - 2, 0)
    return int(-(-number // step) * step)
