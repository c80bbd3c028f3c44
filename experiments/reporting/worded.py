"""A stored analysis in words: the one place where the messages in it become sentences, for every reader alike.

What is stored holds codes and parameters, so that the words of page, API, terminal, report, list and CSV are made when
it is read: in the reader's language and time zone, and without waiting where the run is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from analysis import Verdict
from analysis.messages import Message, message
from experiments.analyses.answer import Answer, Drawing
from experiments.analyses.plan import Plan
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import METRICS, find
from experiments.definition.variant_names import labels
from experiments.reporting.measures import noun
from experiments.reporting.numbers import listed
from experiments.reporting.sentences.priors import USES
from experiments.reporting.sentences.wording import Wording
from experiments.storage.tables import Analysis
from experiments.translation import gettext

ENDED = {
    "verdict.keep_running": "verdict.ended_undecided",
    "verdict.keep_running_days": "verdict.ended_undecided",
    "verdict.not_enough_yet": "verdict.not_enough",
    "verdict.not_enough_days": "verdict.not_enough",
}
"""The headline of a verdict that waits for more data, and the one that takes its place once the run is over."""

WAITING = frozenset(
    {
        "verdict.result_by_day",
        "verdict.result_by_day_planned",
        "verdict.result_at_end",
        "verdict.pace_unknown",
        "verdict.no_lead",
        "verdict.leaders_too_alike",
        "verdict.beyond_horizon",
    }
)
"""The sentences of a reason that are about the days to come; they are left out once the run is over."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A result with all that it takes to show it.

    Attributes
    ----------
    answer : Answer
        Of a run that is over, with the verdict `after_the_end`.
    wording : Wording
        How its messages are put into words.
    drawing : mapping
        The curves that the page draws, see `experiments.analyses.answer.Drawing`.
    """

    answer: Answer
    wording: Wording
    drawing: Drawing = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Analysis, *, zone: str = "UTC", ended: bool = False) -> Self:
        """Return what a stored analysis holds.

        Parameters
        ----------
        zone
            The time zone in which moments are written.
        ended
            Whether its run is over by now, so that a verdict given before promises nothing any more.
        """
        answer = Answer.from_dict(stored.result)
        if ended:
            verdict = after_the_end(answer.verdict)
            answer = replace(answer, verdict=verdict, summary=answer.summary._replace(more_days=verdict.more_days))
        return cls(answer, wording(answer, Plan.from_dict(stored.inputs["plan"]).names, zone=zone), stored.drawing)

    @property
    def document(self) -> dict[str, Any]:
        """The result's document, with a sentence in place of every message: the API's shape."""
        return dict(self.wording.worded(self.answer.to_dict()))

    def text(self, said: Message | str | None) -> str:
        """Return the sentence of one of its messages."""
        return self.wording.text(said)

    def mature_only(self) -> Self:
        """Return it with the metrics of the members whose window is over.

        Totals that were imported have no windows to wait for: all members are mature there.
        """
        mature = self.answer.mature
        return self if mature is None else replace(self, answer=replace(self.answer, metrics=mature.metrics))


def after_the_end(verdict: Verdict) -> Verdict:
    """Return the verdict of a run that is over by now: one that waits for more data is undecided."""
    if verdict.decision not in ("keep_running", "not_enough_data"):
        return verdict
    parts = tuple(part for part in verdict.reasons if part.code not in WAITING)
    headline = verdict.headline
    return replace(
        verdict,
        decision="not_enough_data",
        headline=message(ENDED[headline.code]) if headline.code in ENDED else headline,
        reason=message("sentences", parts=parts),
        more_days=None,
        more_days_reason=None,
    )


def wording(answer: Answer, names: Mapping[str, str], *, zone: str = "UTC") -> Wording:
    """Return how the messages of a result are put into words.

    Parameters
    ----------
    names
        Names by key, as the plan stores them.
    zone
        The time zone in which moments are written.
    """
    cut_off = datetime.fromisoformat(answer.heading.cut_off)
    return wording_of(names, answer.metrics, zone=zone, cut_off=cut_off)


_BUILT_IN = tuple(metric.key for metric in METRICS)


def wording_of(
    names: Mapping[str, str],
    metrics: Sequence[MetricEntry] = (),
    *,
    zone: str = "UTC",
    cut_off: datetime | None = None,
) -> Wording:
    """Return how the messages of a part of a result are put into words."""
    return Wording(
        variants=labels(names),
        metrics={key: noun(key) for key in (*_BUILT_IN, *(entry.metric for entry in metrics if find(entry.metric)))},
        zone=zone,
        currency=next((entry.currency for entry in metrics if entry.currency), ""),
        cut_off=cut_off,
    )


def used_for(keys: Iterable[str]) -> str:
    """Return what a prior is used for, in a sentence, by the keys that it is stored with."""
    uses = [noun(key) if find(key) else gettext(USES[key]) if key in USES else key.replace("_", " ") for key in keys]
    return gettext("Used for {uses}.").format(uses=listed(uses))
