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
