"""The summary of a plan as messages: headline, reasons, alternatives and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from analysis.messages import Message, message
from analysis.planning.forecast import Share
from analysis.planning.plan import LONGEST_DAYS, Plan


class PlanFigure(NamedTuple):
    """A figure of a plan with its label and explanation."""

    label: Message
    value: Message
    explanation: Message


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The summary of a plan.

    Attributes
    ----------
    headline : Message
        The result in a few words.
    reasons : tuple of Message
        One or two sentences with the reasons.
    window : Message or None
        The days that the attribution window adds; None if the plan is unreachable.
    helps : tuple of Message
        Changes that would make an unreachable plan reachable.
    figures : tuple of PlanFigure
    announced : Message
        The announced lifts compared with the true ones, if true lifts follow the prior.
    """

    headline: Message
    reasons: tuple[Message, ...]
    window: Message | None
    helps: tuple[Message, ...]
    figures: tuple[PlanFigure, ...]
    announced: Message


def summarise_plan(plan: Plan) -> PlanSummary:
    """Return the summary of a plan."""
    return PlanSummary(
        headline(plan),
        reasons(plan),
        None if plan.outcome == "unreachable" else window_note(plan),
        helps(plan),
        figures(plan),
        announced(plan),
    )


def headline(plan: Plan) -> Message:
    """Return the headline."""
    if plan.outcome == "unreachable":
        return message("plan.headline.unreachable")
    if plan.planned_days < (plan.window_days or 0):
        return message("plan.headline.within_window", days=plan.planned_days)
    if plan.outcome == "too_short":
        return message("plan.headline.too_short", days=plan.planned_days)
    exact = plan.enough_days == plan.planned_days
    return message("plan.headline.exactly" if exact else "plan.headline.about", days=plan.planned_days)


def reasons(plan: Plan) -> tuple[Message, ...]:
    """Return the reasons for the headline."""
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
    """Return the part of the window after the planned days: that of the last members, or of all."""
    if plan.window_days is None:
        return message("plan.window.unknown")
    if plan.planned_days < plan.window_days:
        return message("plan.window.longer", window=plan.window_days)
    return message("plan.window.on_top", window=plan.window_days)


def helps(plan: Plan) -> tuple[Message, ...]:
    """Return the changes that would make an unreachable plan reachable, one sentence each."""
    if plan.outcome != "unreachable":
        return ()
    texts = []
    for one in plan.helps:
        if one.kind == "lift":
            texts.append(message("plan.help.lift", lift=one.value))
        elif one.kind == "traffic":
            texts.append(message("plan.help.traffic", members=_round_up(one.value)))
        else:
            texts.append(message("plan.help.variants", variants=int(one.value)))
    return tuple(texts) or (message("plan.help.nothing"),)


def figures(plan: Plan) -> tuple[PlanFigure, ...]:
    """Return the figures of the plan."""
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
    """Return the announced and true lifts if true lifts follow the prior, whatever lift the plan is for."""
    outcomes = plan.by_prior
    if outcomes.announced_lift is None or outcomes.true_lift is None:
        return message("plan.announced.nothing")
    # Without a true lift there is no exaggeration; a tenth is more than the simulation's noise.
    fair = abs(outcomes.announced_lift) <= abs(outcomes.true_lift) * 1.1
    return message(
        "plan.announced.fair" if fair else "plan.announced.exaggerated",
        announced=outcomes.announced_lift,
        true=outcomes.true_lift,
    )


def smallest_lift(plan: Plan, lift: float | None) -> Message:
    """Return the smallest lift that the planned days find with the target chance (`plan.detectable_lift`)."""
    if lift is None:
        return message("plan.detectable.none", wanted=plan.power, days=plan.planned_days)
    return message("plan.detectable.lift", wanted=plan.power, days=plan.planned_days, lift=lift)


def _rounded_up(plan: Plan) -> Message | None:
    """Return why the plan is longer than its members need: whole weeks, or the window; None if it is not."""
    if plan.enough_days is None or plan.enough_days >= plan.planned_days or plan.planned_days % 7:
        return None
    if 7 * -(-plan.enough_days // 7) < plan.planned_days:  # only the window requires more
        return message("plan.reason.window", enough=plan.enough_days, window=plan.window_days or 1)
    return message("plan.reason.whole_weeks", enough=plan.enough_days)


def _enough(plan: Plan) -> Message:
    assert plan.enough_days is not None  # otherwise the plan would be unreachable
    weeks = 7 * -(-max(plan.enough_days, plan.window_days or 1) // 7)
    return message("plan.reason.takes", wanted=plan.power, days=weeks, enough=plan.enough_days)


def _error(share: Share) -> float:
    """Return the margin of a simulated share: two standard errors."""
    return 2 * share.error


def _round_up(number: float) -> int:
    """Return a number rounded up to two significant digits."""
    step = 10 ** max(len(str(int(number))) - 2, 0)
    return int(-(-number // step) * step)
