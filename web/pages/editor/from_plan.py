"""The editor opened from a plan: the values that the plan determines, and a note on its assumptions.

They are in the query of the address. A value out of range is ignored.
"""

from decimal import Decimal

from experiments.catalogue.metrics import METRICS
from experiments.definition.fields import MAX_VARIANTS
from experiments.reporting.plan import CopiedPlan, copied_in_words
from web.pages.common.typed_numbers import number_of
from web.pages.editor import definition_form
from web.pages.planning.form import PRIORS, Query

WHOLE = {"planned_days": (1, 365), "window_days": (1, 90), "minimum_members": (2, 10_000_000)}
"""Fields of the editor that are whole numbers, with their bounds."""


def fill(values: definition_form.Values, query: Query) -> None:
    """Copy what a plan determines into the values of a new experiment."""
    for name, (low, high) in WHOLE.items():
        if (number := _number(query, name, low, high)) is not None and number == int(number):
            values[name] = str(int(number))
    if (caring := _number(query, "threshold_of_caring", 0.01, 50)) is not None:
        values["threshold_of_caring"] = f"{float(caring):.10g}"
    if query.get("prior") in dict(PRIORS):
        values["prior"] = query["prior"]
    if query.get("primary_metric") in {metric.key for metric in METRICS if metric.decides}:
        values["primary_metric"] = query["primary_metric"]
    for _ in range(int(_number(query, "variants", 2, MAX_VARIANTS) or 2) - len(values["variants"])):
        definition_form.apply(values, "add-variant")
    split = [number_of(part)[0] for part in query.get("split", "")[:200].split(",")]
    if len(split) == len(values["variants"]) and all(share is not None and share > 0 for share in split):
        for variant, share in zip(values["variants"], split, strict=True):
            variant["weight"] = f"{share:f}"


def note(values: definition_form.Values, query: Query) -> str:
    """Return what was copied from the plan and what the plan assumes; "" where the editor was not opened from one."""
    base, members = _number(query, "base", 0, 1e12), _number(query, "members", 1, 1e10)
    lift, shipped = _number(query, "lift", 0, 1000), _number(query, "found", 0, 100)
    if base is None or members is None or lift is None or shipped is None:
        return ""
    rate = query.get("measure") == "rate"
    return copied_in_words(
        CopiedPlan(
            base=float(base) / (100 if rate else 1),
            rate=rate,
            metric_known=bool(query.get("primary_metric")),
            days=int(values["planned_days"]),
            variants=len(values["variants"]),
            members=int(members),
            lift=float(lift) / 100,
            shipped=float(shipped) / 100,
        )
    )


def _number(query: Query, name: str, low: float, high: float) -> Decimal | None:
    number, _ = number_of(query.get(name, "")[:30])
    return number if number is not None and low <= number <= high else None
