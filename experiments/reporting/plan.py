"""A plan in words, the same on the page and in the terminal."""

from dataclasses import dataclass
from typing import NamedTuple

from analysis.messages import message
from analysis.planning.plan import Plan
from analysis.planning.summary import summarise_plan
from experiments.reporting.sentences.wording import Wording


class FigureInWords(NamedTuple):
    """A figure with its label and its explanation."""

    label: str
    value: str
    explanation: str


@dataclass(frozen=True, slots=True)
class PlanInWords:
    """What a plan says, in the language in use; see `analysis.planning.summary.PlanSummary`."""

    headline: str
    reason: str
    window: str
    helps: tuple[str, ...]
    figures: tuple[FigureInWords, ...]
    prior: str
    announced: str


def plan_in_words(plan: Plan) -> PlanInWords:
    """Return what a plan says."""
    summary, text = summarise_plan(plan), Wording().text
    return PlanInWords(
        text(summary.headline),
        " ".join(map(text, summary.reasons)),
        text(summary.window),
        tuple(map(text, summary.helps)),
        tuple(FigureInWords(*map(text, figure)) for figure in summary.figures),
        text(message("plan.announced.title", prior=plan.rules.lift_prior.name)),
        text(summary.announced),
    )


class CopiedPlan(NamedTuple):
    """What the editor takes over from a plan, and what that plan assumes.

    Attributes
    ----------
    base : float
        What the control does: a share where `rate`, else the mean per member.
    rate, metric_known : bool
        Whether the base is a share of members; whether the plan was made for a metric of an experiment.
    days, variants, members : int
        Planned days, number of variants, members a day.
    lift, shipped : float
        The lift to find, and the share of such tests that ship it.
    """

    base: float
    rate: bool
    metric_known: bool
    days: int
    variants: int
    members: int
    lift: float
    shipped: float


def copied_in_words(copied: CopiedPlan) -> str:
    """Return the note above an editor that was opened from a plan."""
    given = message(
        "plan.copied.rate" if copied.rate else "plan.copied.amount",
        base=copied.base,
        days=copied.days,
        variants=copied.variants,
        members=copied.members,
        lift=copied.lift,
        shipped=copied.shipped,
    )
    parts = (given,) if copied.metric_known else (given, message("plan.copied.choose_metric"))
    return Wording().text(message("sentences", parts=parts))
