"""The choices of the "Decide…" dialog, each with its chance, its net value and its guardrails."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.analyses.answer import Answer
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import NET_VALUE
from experiments.reporting import guardrails, phrases
from experiments.reporting.measures import Measure, name_of
from experiments.reporting.withheld import too_early
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.parts import VariantFacts


@dataclass(frozen=True)
class Choice:
    """A variant in the "Decide…" dialog; none is selected, and the one that the verdict ships is marked.

    Attributes
    ----------
    chance
        Its chance of being best, and by which metric; empty without a result.
    value
        Its net value compared with the control's, if measured.
    doubts
        The guardrails that it breaks or puts in doubt.
    """

    variant: VariantFacts
    chance: str = ""
    advised: bool = False
    value: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is written beside the variant, in reading order."""
        control = gettext("control") if self.variant.control else ""
        recommended = gettext("recommended") if self.advised else ""
        return tuple(filter(None, (control, self.chance, self.value, *self.doubts, recommended)))


def choices(
    variants: Sequence[VariantFacts],
    answer: Answer | None,
    primary: str,
    currency: str = "",
) -> tuple[Choice, ...]:
    """Return what can be shipped; without figures as long as there is too little data."""
    if answer is None or too_early(answer.verdict):
        return tuple(Choice(variant) for variant in variants)
    verdict, decides = answer.verdict, answer.entry(primary) or answer.primary
    chances = {row.variant: row.p_best for row in decides.deciding.variants}
    advised = verdict.variant if verdict.decision == "ship" else None
    control = next(variant for variant in variants if variant.control)
    return tuple(
        Choice(
            variant,
            _chance(decides, chances.get(variant.key)),
            variant.key == advised,
            _value(answer.entry(NET_VALUE), variant, control, currency),
            guardrails.notes(answer, variant.key),
        )
        for variant in variants
    )


def _chance(decides: MetricEntry, p: float | None) -> str:
    """Such as "98 % chance of being the stickiest"; the metric's name where it declares no superlative."""
    if p is None:
        return ""
    if best := explanations.superlative(decides.metric):
        return gettext("{chance} chance of being {best}").format(chance=phrases.chance(p), best=best)
    text = gettext("{chance} chance of being best by “{metric}”")
    return text.format(chance=phrases.chance(p), metric=name_of(decides))


def _value(entry: MetricEntry | None, variant: VariantFacts, control: VariantFacts, currency: str) -> str:
    """Such as "net value € 0.11 below A, not certain"; empty for the control and where it is not known."""
    if entry is None:
        return ""
    compared = next((row for row in entry.deciding.comparisons if row.variant == variant.key), None)
    difference = None if compared is None else compared.difference
    if difference is None:
        return ""
    mean, interval = difference.mean, difference.interval
    size = Measure.of(entry, currency).size(abs(mean))
    if not any(digit in "123456789" for digit in size):
        return gettext("net value about that of {control}").format(control=control.letter)
    if interval.low > 0 or interval.high < 0:
        text = gettext("net value {size} below {control}, fairly certain ({level} interval)")
        if mean > 0:
            text = gettext("net value {size} above {control}, fairly certain ({level} interval)")
    else:
        text = gettext("net value {size} below {control}, not certain")
        if mean > 0:
            text = gettext("net value {size} above {control}, not certain")
    return text.format(size=size, control=control.letter, level=explanations.level_of(interval))
