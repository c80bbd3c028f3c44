"""The parts of an analysis that take a sampler: segments, staying, word of mouth, amounts, counts. They come later.

A model that fails, or that there is not enough for, is an outcome with its reason; nothing here changes the verdict.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis import AnalysisError, NotShown, ProportionStatistics
from analysis.errors import not_shown, refused
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.scorecards import DIRECTIONS
from experiments.catalogue.metrics import Metric, metric
from experiments.collect.collected import Collected, SegmentData

COUNTS_FITTED = 2
"""Most count metrics of an experiment that are fitted; they share one compiled model, but each is sampled anew."""

Report = Callable[[float, str], None]
LATER = not_shown("later")
BEYOND = not_shown("beyond_the_first", most=COUNTS_FITTED)
MOVED = not_shown("shares_moved.segments")


def wanted(plan: Plan) -> bool:
    """Whether anything that is measured takes a sampler."""
    return bool(plan.segments) or any(_kind(one) for one in plan.measured)


def postponed(result: Mapping[str, Any]) -> bool:
    """Whether an answer was given without a sampled model that a fuller one has."""
    alone = [result[name] for name in ("retention", "cascade")]
    parts = [*result["segments"], *result["amounts"], *result["counts"], *alone]
    return any(((part or {}).get("not_shown") or {}).get("code") == LATER.code for part in parts)


def deeper(inputs: Inputs, collected: Collected, report: Report) -> dict[str, Any]:
    """The sampled parts of the result, or why each is not there, by the names that they have there."""
    plan, sampled = inputs.plan, inputs.with_models
    kinds = ("retention", "cascade", "amount", "count")
    asked = {kind: [found for found in plan.measured if _kind(found) == kind] for kind in kinds}
    report(0.0, "Working out for whom it works")
    told: dict[str, Any] = {"segments": _segments(inputs, collected, report) if sampled else _segments_later(plan)}
    report(0.5, "Working out how long members stay")
    told["retention"] = _retention(inputs, collected, asked["retention"], sampled)
    report(0.7, "Working out whom members bring")
    told["cascade"] = _cascade(inputs, collected, asked["cascade"], sampled)
    report(0.85, "Working out how many buy, and how much")
    told["amounts"] = [
        _amounts(inputs, collected, found, sampled) for found in asked["amount"] if found.key in collected.metric_data
    ]
    report(0.95, "Working out how often, and how unevenly")
    told["counts"] = _counts(inputs, collected, asked["count"], sampled)
    return told


def _kind(found: Metric) -> str | None:
    """Which sampled model tells more of a metric: of money it is the split into how many buy and how much."""
    if found.kind in ("retention", "cascade", "count"):
        return found.kind
    return "amount" if found.kind == "amount" and found.money else None


def _empty(why: NotShown, **more: Any) -> dict[str, Any]:
    return {"not_shown": why.to_dict(), "variants": [], "diagnostics": None} | more


# Segments ----------------------------------------------------------------------------------------------------------


def _segments(inputs: Inputs, collected: Collected, report: Report) -> list[dict[str, Any]]:
    """For whom it works, by each declared attribute: fitted together where the members are known by all at once."""
    plan = inputs.plan
    entries: list[dict[str, Any]] = []
    together = segments_together(inputs, collected)
    jointly = _told_by_attribute(together, (collected.segment_cells or {}).get("attributes", ()))
    moved = len(collected.epochs) > 1
    for place, name in enumerate(plan.segments):
        report(0.5 * place / len(plan.segments), f"Working out for whom it works: {name.replace('_', ' ')}")
        cells = collected.segment_data.get(name)
        if (why := _no_segment(plan, cells)) is not None:
            told = _no_rows(why)
        elif name in jointly:
            told = jointly[name]
        elif not moved:
            told = _told_by_attribute(segments_alone(inputs, name, cells or {}), (name,))[name]
        else:
            told = _no_rows(MOVED)
        if moved and not told["joint"] and not told["not_shown"]:
            told = _no_rows(MOVED)
        entries.append({"segment": name, "metric": plan.primary} | told)
    return entries


def segments_together(inputs: Inputs, collected: Collected) -> Any:
    """The fit of all attributes at once (`JointSegments`), or why it gave nothing (`NotShown`).

    Where the shares moved, the allocation epoch is one of them. None where there are fewer than two, or some variant
    has met nobody yet: then each is fitted alone.
    """
    found, plan = collected.segment_cells, inputs.plan
    if found is None or any(_unmet(plan, cells) for cells in collected.segment_data.values()):
        return None
    cells = {
        (variant, tuple(levels)): ProportionStatistics(n, successes) for variant, levels, n, successes in found["cells"]
    }
    return _fitted(inputs, cells, found["attributes"])


def segments_alone(inputs: Inputs, name: str, cells: SegmentData) -> Any:
    """The fit of one attribute (`JointSegments` of it alone), or why it gave nothing (`NotShown`)."""
    return _fitted(inputs, {(variant, (level,)): cell for (variant, level), cell in cells.items()}, [name])


def _told_by_attribute(fit: Any, attributes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The entries of a fit by attribute; each says why there is nothing where there is no fit."""
    if fit is None:
        return {}
    return {name: _no_rows(fit) for name in attributes} if isinstance(fit, NotShown) else fit.to_dict()


def _fitted(inputs: Inputs, cells: Mapping[Any, ProportionStatistics], attributes: list[str]) -> Any:
    from analysis.segments import fit as segmented  # imports PyMC at its first fit

    plan = inputs.plan
    try:
        return segmented.fit_segments(
            cells,
            control=plan.control,
            attributes=attributes,
            direction=DIRECTIONS[metric(plan.primary).direction],  # type: ignore[arg-type]
            seed=inputs.seed,
            metric=plan.primary,
            rope=plan.threshold_of_caring,
            interval=plan.interval,
        )
    except AnalysisError as error:
        return refused(error)


def _segments_later(plan: Plan) -> list[dict[str, Any]]:
    return [{"segment": name, "metric": plan.primary} | _no_rows(LATER) for name in plan.segments]


def _no_segment(plan: Plan, cells: SegmentData | None) -> NotShown | None:
    """Why an attribute tells nothing here, before any model is asked."""
    if cells is None:
        return not_shown("no_cells")
    if len({level for _, level in cells}) < 2:
        return not_shown("one_level")
    if missing := _unmet(plan, cells):
        return not_shown("no_members.variants", variants=tuple(missing))
    return None


def _unmet(plan: Plan, cells: SegmentData) -> list[str]:
    """The variants whom nobody has met yet, of those that are shown at all."""
    met = {variant for (variant, _), cell in cells.items() if cell.n}
    return [key for key, weight in plan.weights.items() if weight > 0 and key not in met]


def _no_rows(why: NotShown) -> dict[str, Any]:
    return {"segment_rows": [], "overall": [], "joint": False, "not_shown": why.to_dict()}


# Staying, word of mouth, amounts, counts -----------------------------------------------------------------------------


def _retention(inputs: Inputs, collected: Collected, asked: Sequence[Metric], sampled: bool) -> dict[str, Any] | None:
    """How members keep coming back; the curves and the half-life are closed forms, so only their tail comes later."""
    data = collected.metric_data.get(asked[0].key) if asked else None
    if data is None:
        return None
    told = retention_fit(inputs, data, tail=sampled)
    return _empty(told, horizon=inputs.plan.window_days) if isinstance(told, NotShown) else told.to_dict()


def retention_fit(inputs: Inputs, data: Mapping[str, Any], *, tail: bool) -> Any:
    """The `RetentionResult` of the stored answer, or why there is none (`NotShown`)."""
    from analysis.models.retention import fit as retention

    try:
        return retention.fit_retention(data, seed=inputs.seed, interval=inputs.plan.interval, tail=tail)
    except AnalysisError as error:
        return refused(error)


def _cascade(inputs: Inputs, collected: Collected, asked: Sequence[Metric], sampled: bool) -> dict[str, Any] | None:
    """Whom members bring: one fit tells the K-factor and the reach."""
    data = collected.metric_data.get(asked[0].key) if asked else None
    if data is None:
        return None
    told = cascade_fit(inputs, data) if sampled else LATER
    return _empty(told, comparisons=[]) if isinstance(told, NotShown) else told.to_dict()


def cascade_fit(inputs: Inputs, data: Mapping[str, Any]) -> Any:
    """The `CascadeResult` of the stored answer, or why there is none (`NotShown`)."""
    from analysis.models.cascade import fit as cascade  # imports PyMC at its first fit

    try:
        return cascade.fit_cascade(data, control=inputs.plan.control, seed=inputs.seed, interval=inputs.plan.interval)
    except AnalysisError as error:
        return refused(error)


def _amounts(inputs: Inputs, collected: Collected, found: Metric, sampled: bool) -> dict[str, Any]:
    """How many buy and how much, of one money metric."""
    told = amounts_fit(inputs, found.key, collected.metric_data[found.key]) if sampled else LATER
    if isinstance(told, NotShown):
        return {"metric": found.key, "family": None, "checks": []} | _empty(told)
    return told.to_dict()


def amounts_fit(inputs: Inputs, key: str, data: Mapping[str, Any]) -> Any:
    """The `HurdleResult` of the stored answer, or why there is none (`NotShown`)."""
    from analysis.models import hurdle  # imports PyMC at its first fit

    try:
        return hurdle.fit_hurdle(
            data, control=inputs.plan.control, metric=key, seed=inputs.seed, interval=inputs.plan.interval
        )
    except AnalysisError as error:
        return refused(error)


def _counts(inputs: Inputs, collected: Collected, asked: Sequence[Metric], sampled: bool) -> list[dict[str, Any]]:
    """How often and how unevenly, of each count metric; what is beyond the bound says so in the first answer too."""
    entries = []
    for place, key in enumerate(found.key for found in asked if found.key in collected.metric_data):
        told = BEYOND if place >= COUNTS_FITTED else LATER
        if sampled and place < COUNTS_FITTED:
            told = counts_fit(inputs, key, collected.metric_data[key])
        empty = isinstance(told, NotShown)
        entries.append({"metric": key, "checks": []} | _empty(told) if empty else told.to_dict())
    return entries


def counts_fit(inputs: Inputs, key: str, data: Mapping[str, Any]) -> Any:
    """The `CountResult` of the stored answer, or why there is none (`NotShown`)."""
    from analysis.models import negative_binomial  # imports PyMC at its first fit

    try:
        return negative_binomial.fit_counts(
            data,
            control=inputs.plan.control,
            direction=DIRECTIONS[metric(key).direction],
            metric=key,
            seed=inputs.seed,
            interval=inputs.plan.interval,
        )
    except AnalysisError as error:
        return refused(error)
