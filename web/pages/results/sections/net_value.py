"""The monthly value of shipping a variant, where the net value of a member is measured."""

from collections.abc import Mapping, Sequence

from experiments.analyses.answer import Answer
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import NET_VALUE
from experiments.reporting.numbers import count, money
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.parts import Number, Plan, VariantFacts

DAYS = 30
SHORTEST = 1.0
"""Days of running below which the members per day are too uncertain."""


def worth(answer: Answer, subject: VariantFacts, control: VariantFacts, plan: Plan) -> tuple[str, Number] | None:
    """Net value of `subject` above the control, times members a day, times 30 days; None where that is not known.

    What a variant cost once is spent already and is not spent again by shipping it, so it is added back.
    """
    entry = answer.entry(NET_VALUE)
    a_day, elapsed = answer.summary.members_per_day, answer.summary.elapsed_days
    if entry is None or subject.key == control.key or not a_day or not elapsed or elapsed < SHORTEST:
        return None
    compared = next((row for row in entry.deciding.comparisons if row.variant == subject.key), None)
    difference = None if compared is None else compared.difference
    members = {row.variant: row.n for row in entry.deciding.variants}
    if difference is None or not members.get(subject.key) or not members.get(control.key):
        return None
    once = _once(subject, plan, members) - _once(control, plan, members)
    interval = difference.interval
    mean, low, high = (x + once for x in (difference.mean, interval.low, interval.high))

    def a_month(x: float) -> str:
        return money(x * a_day * DAYS, plan.currency, 0)

    bounds = a_month(low), a_month(high)
    # A mean alone would look like a gain where not even its sign is known.
    amount = a_month(mean) if low > 0 or high < 0 else explanations.range_of(*bounds)
    why = (
        _compared(subject, control, mean, plan),
        gettext("Multiplied by {members} members per day, as in this test, and {days} days.").format(
            members=count(round(a_day)), days=DAYS
        ),
        explanations.explain_interval(interval, *bounds),
    )
    label = gettext("Value of shipping {letter}").format(letter=subject.letter)
    return label, Number(gettext("{amount} a month").format(amount=amount), " ".join(why), "fact-worth")


def _compared(subject: VariantFacts, control: VariantFacts, mean: float, plan: Plan) -> str:
    text = gettext("A member who sees {letter} is worth {amount} less on average than one who sees {control}.")
    if mean >= 0:
        text = gettext("A member who sees {letter} is worth {amount} more on average than one who sees {control}.")
    amount = money(abs(mean), plan.currency, 3)
    text = text.format(letter=subject.letter, amount=amount, control=control.letter)
    return " ".join((text, gettext("One-off costs are left out."))) if plan.fixed_costs else text


def spent_once(entry: MetricEntry, plan: Plan, variants: Sequence[VariantFacts], among: Mapping[str, int]) -> str:
    """Return the one-off costs that net value and return include, and each net value without them.

    Parameters
    ----------
    entry
        The metric's entry of "metrics".
    among
        All members of each variant, over whom its fixed cost is shared.
    """
    if entry.plain.kind != "value" or not plan.fixed_costs:
        return ""
    spent = ", ".join(f"{v.letter} {_round(plan.fixed_costs.get(v.key, 0.0), plan)}" for v in variants)
    note = gettext("Includes one-off costs ({costs}), shared over the members of this test.").format(costs=spent)
    means = {row.variant: row.mean for row in entry.deciding.variants if row.mean is not None}
    if entry.metric != NET_VALUE or not means:
        return note
    without = ", ".join(
        f"{v.letter} {money(means[v.key] + _once(v, plan, among), plan.currency, 2)}"
        for v in variants
        if v.key in means
    )
    return " ".join((note, gettext("Without them: {values}.").format(values=without)))


def _round(cost: float, plan: Plan) -> str:
    return money(cost, plan.currency, 0 if cost == round(cost) else 2)


def _once(variant: VariantFacts, plan: Plan, members: Mapping[str, int]) -> float:
    """A variant's fixed cost per member of the test."""
    cost = plan.fixed_costs.get(variant.key, 0.0)
    return cost / members[variant.key] if cost else 0.0
