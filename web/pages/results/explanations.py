"""The explanations behind the figures of the results page: what each one is, in whole sentences."""

from collections.abc import Callable

from analysis import VariantResult
from analysis.posterior.joint import Estimate, Interval
from analysis.scoring.results import ComparisonResult
from experiments.catalogue import metrics
from experiments.reporting.measures import Measure
from experiments.reporting.numbers import count, percent, signed_percent
from experiments.reporting.sentences.template import Plural, plural
from experiments.reporting.sentences.wording import Wording
from experiments.translation import N_, gettext, ngettext

MARKS = {
    "ok": ("✓", N_("in order")),
    "info": ("i", N_("note")),
    "warn": ("!", N_("warning")),
    "fail": ("✕", N_("failed")),
}
"""Each status of a health check: its sign, and its name for a screen reader."""

USUAL_LEVEL = 0.95

COUNTED = {
    "share": plural(
        "{total} of the {members} member who saw {letter} counts.",
        "{total} of the {members} members who saw {letter} count.",
        "members",
    ),
    "order": plural(
        "The orders of the {members} member who saw {letter} add up to {total}.",
        "The orders of the {members} members who saw {letter} add up to {total}.",
        "members",
    ),
    "money": plural(
        "The {members} member who saw {letter} brought in {total}.",
        "The {members} members who saw {letter} brought in {total}.",
        "members",
    ),
    "seconds": plural(
        "The {members} member who saw {letter} stayed {total} in all.",
        "The {members} members who saw {letter} stayed {total} in all.",
        "members",
    ),
    "people": plural(
        "Posts by the {members} member who saw {letter} reached {total} people.",
        "Posts by the {members} members who saw {letter} reached {total} people.",
        "members",
    ),
    "score": plural(
        "Average sentiment of posts by the {members} member who saw {letter}, from −1 to 1.",
        "Average sentiment of posts by the {members} members who saw {letter}, from −1 to 1.",
        "members",
    ),
    "return": plural(
        "Net value of the {members} member who saw {letter}, for each unit of money spent.",
        "Net value of the {members} members who saw {letter}, for each unit of money spent.",
        "members",
    ),
    "total": plural(
        "Total of the {members} member who saw {letter}: {total}.",
        "Total of the {members} members who saw {letter}: {total}.",
        "members",
    ),
}
"""What was counted of a variant, by the scale of the metric."""

ABOUT = {
    "brought": N_(
        "New members that each member who saw {letter} brings on average, allowing for those who joined too recently."
    ),
    "times": N_("Members exposed for each member who was randomised to {letter}, word of mouth included."),
    "days": N_("Days until half of the members who return to {letter} have returned for the last time."),
}
"""What a value is that is not a total over members."""


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
    """Return the two bounds of an interval as a label."""
    return gettext("{low} to {high}").format(low=low, high=high)


def level_of(interval: Interval | None) -> str:
    """Return the probability that an interval holds, such as "95 %"."""
    return percent(interval.probability if interval else USUAL_LEVEL, 0)


def spoken(estimate: Estimate, write: Callable[[float], str]) -> str:
    """Return an estimate with its interval, for the label of a drawing."""
    interval = estimate.interval
    text = gettext("{mean}, {level} interval {low} to {high}")
    low, high = write(interval.low), write(interval.high)
    return text.format(mean=write(estimate.mean), level=level_of(interval), low=low, high=high)


def explain_kind(interval: Interval | None) -> str:
    """What the kind of an interval means, as a sentence for the place where intervals are introduced."""
    if interval and interval.kind == "hdi":
        text = gettext("Intervals are the shortest that hold {level} of the probability (HDI).")
        return text.format(level=level_of(interval))
    return gettext("Intervals are equal-tailed (ETI): as much probability lies below as above.")


def explain_interval(interval: Interval, low: str, high: str) -> str:
    """Return what an interval says, with its kind; every explanation of an estimate ends with it."""
    text = gettext("The true value is between {low} and {high} with {level} probability (equal-tailed interval).")
    if interval.kind == "hdi":
        text = gettext("The true value is between {low} and {high} with {level} probability (shortest interval).")
    return text.format(low=low, high=high, level=level_of(interval))


PER_ORDER = "per order"
"""The denominator of metrics that are counted by order."""


def explain_mean(measure: Measure, letter: str, row: VariantResult, words: Wording) -> str:
    """Return what was counted, how the prior changes it, and its interval or why there is none."""
    interval, raw = row.interval, row.raw_mean
    sentences = [_counted(measure, letter, row)]
    if not interval:
        missing = row.interval_not_shown
        return " ".join([*sentences, *([] if missing is None else [words.text(missing.reason)])])
    if measure.kind == "share" and raw is not None and measure.value(raw) != measure.value(row.mean):
        text = gettext("The raw figure is {raw}; the prior draws the estimate towards the other variants.")
        sentences.append(text.format(raw=measure.value(raw)))
    low, high = measure.value(interval.low), measure.value(interval.high)
    return " ".join([*sentences, explain_interval(interval, low, high)])


def _counted(measure: Measure, letter: str, row: VariantResult) -> str:
    """Return what was counted of a variant, or what its value is."""
    kind = "total" if measure.kind == "days" and measure.per else measure.kind
    if kind in ABOUT:
        return gettext(ABOUT[kind]).format(letter=letter)
    if measure.denominator == PER_ORDER:
        kind = "order"
    return in_plural(
        COUNTED.get(kind, COUNTED["total"]),
        row.n,
        members=count(row.n),
        letter=letter,
        total=measure.total(row.total),
    )


def in_plural(template: Plural, amount: int, **texts: str) -> str:
    """Return the form of a template that fits an amount, filled with texts."""
    return ngettext(template.one, template.many, amount).format(**texts)


def explain_lift(measure: Measure, letter: str, control: str, comparison: ComparisonResult, words: Wording) -> str:
    """Return what a lift says, or the difference shown in its place with the reason."""
    lift, difference = comparison.lift if measure.relative else None, comparison.difference
    if lift:
        change = gettext("{letter} is {change} above {control}.")
        if lift.median < 0:
            change = gettext("{letter} is {change} below {control}.")
        bounds = signed_percent(lift.interval.low), signed_percent(lift.interval.high)
        text = change.format(letter=letter, change=percent(abs(lift.median)), control=control)
        return f"{text} {explain_interval(lift.interval, *bounds)}"
    if not difference:
        return gettext("There is not enough data to compare yet.")
    text = gettext("Difference between {letter} and {control}.").format(letter=letter, control=control)
    bounds = measure.difference(difference.interval.low), measure.difference(difference.interval.high)
    sentences = [text, explain_interval(difference.interval, *bounds)]
    if measure.relative:
        near_zero = gettext("A percentage of so small a control would mislead.")
        sentences.append(words.text(comparison.lift_not_shown) or near_zero)
    return " ".join(sentences)


def explain_best(letter: str, name: str, lower_is_better: bool) -> str:
    """What a chance of being best means."""
    text = gettext("The probability, given all data so far, that {letter} has the highest “{metric}” of all variants.")
    if lower_is_better:
        text = gettext(
            "The probability, given all data so far, that {letter} has the lowest “{metric}” of all variants."
        )
    return text.format(letter=letter, metric=name)


def explain_loss(measure: Measure, letter: str, loss: float | None) -> str:
    """What a loss if wrong means."""
    if loss is None:
        return gettext("{letter} is almost certainly the best, so there is nothing to lose.").format(letter=letter)
    text = gettext("The average loss in “{metric}” if you ship {letter} while another variant is better: {loss}.")
    return text.format(metric=measure.name, letter=letter, loss=measure.loss_per(loss))
