"""The words and figures of the results page: how each number is written and the one sentence that explains it."""

from analysis import VariantResult
from analysis.posterior.joint import Interval
from analysis.scoring.results import ComparisonResult
from experiments.catalogue import metrics
from experiments.reporting import phrases
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import NARROW, count, percent, signed_percent
from experiments.reporting.sentences.wording import Wording
from experiments.translation import gettext

MARKS = {"ok": ("✓", "in order"), "info": ("i", "good to know"), "warn": ("!", "look at this"), "fail": ("✕", "failed")}


def title_of_chance(metric: str, name: str) -> str:
    """Heading of the chart over time: "Chance of being the stickiest"."""
    best = superlative(metric)
    if best:
        return gettext("Chance of being {best}").format(best=best)
    return gettext("Chance of being best: {metric}").format(metric=name)


def superlative(metric: str) -> str:
    """What the best variant by a metric is called, such as "the stickiest"; empty where the metric declares nothing."""
    return gettext(metrics.metric(metric).superlative)


def range_of(low: str, high: str) -> str:
    """Two bounds in words."""
    return f"{low} to {high}"


def level_of(interval: Interval | None) -> str:
    """The probability an interval holds, such as "95 %"."""
    return percent(interval.probability, 0) if interval else "95" + NARROW + "%"


def kind_of(interval: Interval | None) -> str:
    """What kind of interval it is, in words: equal-tailed or the shortest."""
    return "the shortest such interval" if interval and interval.kind == "hdi" else "equal-tailed"


def explain_kind(interval: Interval | None) -> str:
    """What the kind of an interval means, as a sentence for the place where intervals are introduced."""
    if interval and interval.kind == "hdi":
        return f"Intervals are the shortest that hold {level_of(interval)} (HDI)."
    return "Intervals are equal-tailed (ETI): as much probability lies below as above."


def explain_mean(measure: Measure, letter: str, row: VariantResult, words: Wording) -> str:
    """Why a value is what it is."""
    interval = row.interval
    seen = _seen(measure, letter, row)
    if not interval:
        return f"{seen}. {_no_interval(row, words)}".strip()
    bounds = phrases.between(measure.value(interval.low), measure.value(interval.high))
    raw = row.raw_mean
    if measure.kind == "share" and raw is not None and measure.value(raw) != measure.value(row.mean):
        seen += f", {measure.value(raw)} as counted; drawn towards the other variants, as tests before have it, it is"
        seen += f" {measure.value(row.mean)}"
    of = measure.per or (" per member" if measure.kind == "share" else "")
    return f"{seen}; with {level_of(interval)} probability the true value{of} is {bounds} ({kind_of(interval)})."


def _no_interval(row: VariantResult, words: Wording) -> str:
    return "" if row.interval_not_shown is None else words.text(row.interval_not_shown.reason)


def _seen(measure: Measure, letter: str, row: VariantResult) -> str:
    """What was counted of a variant, as the beginning of a sentence."""
    total, who = measure.total(row.total), f"the {count(row.n)} members who saw {letter}"
    many = who[:1].upper() + who[1:]
    if measure.per == f" {gettext('per order')}":
        return f"The orders of {who} came to {total}"
    return {
        "share": f"{total} of {who} count here",
        "money": f"{many} brought {total} in all",
        "seconds": f"{many} spent {total} in all",
        "people": f"What {who} posted was seen by {total} people in all",
        "score": f"This is how good the mentions by {who} are on average, from −1 to +1",
        "brought": f"Each member who met {letter} brings so many new ones on average, those who came too recently to"
        " have passed it on allowed for",
        "times": f"Each member who met {letter} first-hand becomes so many with all those brought along",
        "return": f"What comes back from {who} beyond each unit of money spent on it",
    }.get(measure.kind) or (
        f"Half of those who come back to {letter} do so for the last time within this many days"
        if measure.kind == "days" and not measure.per
        else f"{many} add up to {total}"
    )


def explain_lift(measure: Measure, letter: str, control: str, comparison: ComparisonResult, words: Wording) -> str:
    """What a lift, or the difference shown in its place, says."""
    lift, difference = comparison.lift if measure.relative else None, comparison.difference
    if lift:
        bounds = phrases.between(signed_percent(lift.interval.low), signed_percent(lift.interval.high))
        return (
            f"{letter} stands {direction_words(lift.mean)} {control}; with {level_of(lift.interval)}"
            f" probability the true lift is {bounds} ({kind_of(lift.interval)})."
        )
    if difference:
        low, high = measure.difference(difference.interval.low), measure.difference(difference.interval.high)
        said = f"The difference to {control}{measure.per} is {phrases.between(low, high)}"
        if not measure.relative:
            return f"{said}, with {level_of(difference.interval)} probability."
        reason = words.text(comparison.lift_not_shown) or "a percentage of so small a control would mislead"
        return f"{said}; {lower_first(reason.rstrip('.'))}."
    return "There is not enough data to compare yet."


def direction_words(lift: float) -> str:
    """A relative change as "18.4 % above" or "2.0 % below"."""
    return f"{percent(abs(lift))} {'above' if lift >= 0 else 'below'}"


def explain_best(letter: str, name: str, lower_is_better: bool) -> str:
    """What a chance of being best means."""
    way = "lowest" if lower_is_better else "highest"
    return f"How likely it is, going by all data so far, that {letter} truly has the {way} “{name}” of all variants."


def explain_loss(measure: Measure, letter: str, loss: float | None) -> str:
    """What a loss if wrong means."""
    if loss is None:
        return f"It is as good as certain that {letter} is the best, so there is nothing to lose."
    gone = f"{measure.loss(loss)}{measure.members or measure.per}"
    return (
        f"What we give up on average in “{measure.name}” if we ship {letter} while another variant is truly better:"
        f" {gone}."
    )


def lower_first(sentence: str) -> str:
    """The sentence as the second half of another one."""
    return sentence[:1].lower() + sentence[1:]
