"""What a plan says: its headline, the reasons, what would help, and the figures behind them, as messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from analysis.messages import Message, message
from analysis.planning.forecast import Share
from analysis.planning.plan import LONGEST_DAYS, Plan


class PlanFigure(NamedTuple):
    """A figure of a plan with its label and its explanation."""

    label: Message
    value: Message
    explanation: Message


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan for a reader.

    Attributes
    ----------
    headline : Message
        The answer in a few words.
    reasons : tuple of Message
        One or two sentences behind it.
    window : Message or None
        What the attribution window adds to the planned days; None where the plan is unreachable.
    helps : tuple of Message
        What would make an unreachable plan reachable.
    figures : tuple of PlanFigure
    announced : Message
        How what is announced compares with the truth, if true lifts are drawn from the prior.
    """

    headline: Message
    reasons: tuple[Message, ...]
    window: Message | None
    helps: tuple[Message, ...]
    figures: tuple[PlanFigure, ...]
    announced: Message


def summarise_plan(plan: Plan) -> PlanSummary:
    """Return what a plan says."""
    return PlanSummary(
        headline(plan),
        reasons(plan),
        None if plan.outcome == "unreachable" else window_note(plan),
        helps(plan),
        figures(plan),
        announced(plan),
    )


def headline(plan: Plan) -> Message:
    """Return the answer in a few words."""
    if plan.outcome == "unreachable":
        return message("plan.headline.unreachable")
    if plan.planned_days < (plan.window_days or 0):
        return message("plan.headline.within_window", days=plan.planned_days)
    if plan.outcome == "too_short":
        return message("plan.headline.too_short", days=plan.planned_days)
    exact = plan.enough_days == plan.planned_days
    return message("plan.headline.exactly" if exact else "plan.headline.about", days=plan.planned_days)


def reasons(plan: Plan) -> tuple[Message, ...]:
    """Return the sentences behind the headline."""
    given = {
        "members": round(plan.audience.members_a_day),
        "variants": len(plan.audience.weights),
        "lift": plan.lift,
        "shipped": plan.with_lift.right.value,
    }
    if plan.outcome == "unreachable":
        if plan.planned_days < LONGEST_DAYS:
            return (Message("plan.reason.unreachable", given | {"days": plan.planned_days, "wanted": plan.power}),)
        return (Message("plan.reason.unreachable_in_a_year", given | {"wanted": plan.power}),)
    if plan.outcome == "too_short":
        return Message("plan.reason.too_short", given), _enough(plan)
    half = plan.with_lift.median_days
    first = Message("plan.reason.found", given)
    if half is not None:
        first = Message("plan.reason.found_by", given | {"half": half})
    rounded = _rounded_up(plan)
    return (first,) if rounded is None else (first, rounded)


def window_note(plan: Plan) -> Message:
    """Return what the planned days leave out: the window of the members who come last, or of all."""
    if plan.window_days is None:
        return message("plan.window.unknown")
    if plan.planned_days < plan.window_days:
        return message("plan.window.longer", window=plan.window_days)
    return message("plan.window.on_top", window=plan.window_days)


def helps(plan: Plan) -> tuple[Message, ...]:
    """Return what would make an unreachable plan reachable, a sentence each."""
    if plan.outcome != "unreachable":
        return ()
    made = []
    for found in plan.helps:
        if found.kind == "lift":
            made.append(message("plan.help.lift", lift=found.value))
        elif found.kind == "traffic":
            made.append(message("plan.help.traffic", members=_round_up(found.value)))
        else:
            made.append(message("plan.help.variants", variants=int(found.value)))
    return tuple(made) or (message("plan.help.nothing"),)


def figures(plan: Plan) -> tuple[PlanFigure, ...]:
    """Return the figures beside the sentences."""
    return (
        PlanFigure(
            message("plan.members.label"),
            message("plan.value.count", number=plan.members),
            message(
                "plan.members.explanation",
                days=plan.planned_days,
                a_day=round(plan.audience.members_a_day),
                smallest=int(plan.audience.members([plan.planned_days])[0].min()),
            ),
        ),
        PlanFigure(
            message("plan.found.label", lift=plan.lift),
            message("plan.value.chance", chance=plan.with_lift.right.value),
            message("plan.found.explanation", lift=plan.lift, tests=plan.tests, error=_error(plan.with_lift.right)),
        ),
        PlanFigure(
            message("plan.false.label"),
            message("plan.value.chance", chance=plan.without.wrong.value),
            message("plan.false.explanation", tests=plan.tests, error=_error(plan.without.wrong)),
        ),
        PlanFigure(
            message("plan.half.label"),
            message("plan.value.none")
            if plan.with_lift.median_days is None
            else message("plan.value.day", day=plan.with_lift.median_days),
            message("plan.half.explanation", lift=plan.lift),
        ),
        PlanFigure(
            message("plan.decisive.label"),
            message("plan.value.chance", chance=plan.by_prior.decisive),
            message("plan.decisive.explanation", prior=plan.rules.lift_prior.name),
        ),
    )


def announced(plan: Plan) -> Message:
    """Return what is announced if true lifts are drawn from the prior, whatever lift the plan is made for."""
    found = plan.by_prior
    if found.announced_lift is None or found.true_lift is None:
        return message("plan.announced.nothing")
    # Without a true lift there is nothing to exaggerate; a tenth is more than the simulation's own noise.
    fair = abs(found.announced_lift) <= abs(found.true_lift) * 1.1
    return message(
        "plan.announced.fair" if fair else "plan.announced.exaggerated",
        announced=found.announced_lift,
        true=found.true_lift,
    )


def smallest_lift(plan: Plan, lift: float | None) -> Message:
    """Return the smallest lift that the planned days find with the wanted chance (`plan.detectable_lift`)."""
    if lift is None:
        return message("plan.detectable.none", wanted=plan.power, days=plan.planned_days)
    return message("plan.detectable.lift", wanted=plan.power, days=plan.planned_days, lift=lift)


def _rounded_up(plan: Plan) -> Message | None:
    """Return why the plan is longer than its members need: whole weeks, or the window; None where it is not."""
    if plan.enough_days is None or plan.enough_days >= plan.planned_days or plan.planned_days % 7:
        return None
    if 7 * -(-plan.enough_days // 7) < plan.planned_days:  # only the window asks for more
        return message("plan.reason.window", enough=plan.enough_days, window=plan.window_days or 1)
    return message("plan.reason.whole_weeks", enough=plan.enough_days)


def _enough(plan: Plan) -> Message:
    assert plan.enough_days is not None  # else the plan were unreachable
    weeks = 7 * -(-max(plan.enough_days, plan.window_days or 1) // 7)
    return message("plan.reason.takes", wanted=plan.power, days=weeks, enough=plan.enough_days)


def _error(found: Share) -> float:
    """Return what a simulated share may be off by: two standard errors."""
    return 2 * found.error


def _round_up(number: float) -> int:
    """Return two figures that are enough."""
    step = 10 ** max(len(str(int(number))) - 2, 0)
    return int(-(-number // step) * step)
