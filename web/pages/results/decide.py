"""The choices that the "Decide…" dialog offers, each with what speaks for it and what against."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis import Verdict
from experiments.analyses.answer import Answer
from experiments.analyses.scorecards import MetricEntry
from experiments.reporting import phrases
from experiments.reporting.guardrails import fault
from experiments.reporting.measures import Measure, name_of
from experiments.reporting.withheld import too_early
from web.pages.results import explanations
from web.pages.results.parts import VariantFacts


@dataclass(frozen=True)
class Choice:
    """A variant in the "Decide…" dialog; none is chosen already, and the one that the verdict advises says so.

    Attributes
    ----------
    chance
        How likely it is the best, and at what; empty where there is no answer.
    value
        Its net value beside the control's, where that was measured.
    doubts
        The guardrails that it may have worsened.
    """

    variant: VariantFacts
    chance: str = ""
    advised: bool = False
    value: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is written beside the variant, in reading order."""
        pieces = ("control" if self.variant.control else "", self.chance, self.value, *self.doubts)
        return tuple(filter(None, (*pieces, "advised" if self.advised else "")))


def choices(
    variants: Sequence[VariantFacts],
    answer: Answer | None,
    primary: str,
    guardrails: Sequence[str] = (),
    currency: str = "",
) -> tuple[Choice, ...]:
    """What can be shipped; figures only where there is a result, and none that would be little more than a guess."""
    if answer is None or too_early(answer.verdict):
        return tuple(Choice(variant) for variant in variants)
    verdict, decides = answer.verdict, answer.entry(primary) or answer.primary
    chances = {row.variant: row.p_best for row in decides.deciding.variants}
    advised = verdict.variant if verdict.decision == "ship" else None
    guarded = [entry for key in guardrails if key != primary and (entry := answer.entry(key))]
    control = next(variant for variant in variants if variant.control)
    return tuple(
        Choice(
            variant,
            _chance(decides, chances.get(variant.key)),
            variant.key == advised,
            _value(answer.entry("net_value"), variant, control, currency),
            tuple(_doubts(verdict, guarded, variant)),
        )
        for variant in variants
    )


def _chance(decides: MetricEntry, p: float | None) -> str:
    """Such as "98 % to be the stickiest"; the verdict's metric by its name where no word is kept for it."""
    if p is None:
        return ""
    best = explanations.superlative(decides.metric) or f"the best by “{name_of(decides)}”"
    return f"{phrases.chance(p)} to be {best}"


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
        return f"net value about that of {control.letter}"
    sure = interval.low > 0 or interval.high < 0
    known = f"fairly certain ({explanations.level_of(interval)} interval)" if sure else "not certain"
    return f"net value {size} {'above' if mean > 0 else 'below'} {control.letter}, {known}"


def _doubts(verdict: Verdict, guarded: Sequence[MetricEntry], variant: VariantFacts) -> list[str]:
    faults = [(name_of(entry), fault(verdict, entry.metric, variant.key)) for entry in guarded]
    return [f"guardrail “{name}” {found}" for name, found in faults if found]
