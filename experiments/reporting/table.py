"""A result as a table: one row a metric and variant, with the comparison in the same row.

The same rows under the same names are ``results?format=csv``, the page's download and ``klette export --summary``.
Where a covariate was declared a metric has two rows a variant, plain and adjusted; `answer` marks those that page,
report and verdict use.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain

from analysis import MetricResult, NotShown, VariantResult
from analysis.models.cascade.result import CascadeComparison, Reach
from analysis.posterior.joint import Estimate, Interval
from analysis.scoring.results import ComparisonResult
from experiments.analyses.sampled.cascade import CASCADE
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.retention import RETENTION
from experiments.analyses.scorecards import MetricEntry
from experiments.catalogue.metrics import HALF_LIFE, K_FACTOR, REACH, metric
from experiments.reporting.adjustment import covariate_name
from experiments.reporting.worded import Reading

CSV_COLUMNS = (
    "experiment",
    "run",
    "analysis",
    "cut_off",
    "decision",
    "metric",
    "kind",
    "unit_of_measure",
    "variant",
    "control",
    "n",
    "total",
    "mean",
    "sd",
    "interval_kind",
    "interval_probability",
    "low",
    "high",
    "p_best",
    "expected_loss",
    "p_beats_control",
    "p_rope",
    "lift",
    "lift_low",
    "lift_high",
    "difference",
    "difference_low",
    "difference_high",
    "adjusted_for",
    "median",
    "answer",
    "raw_mean",
    "population",
    "model",
    "prior",
    "not_shown",
)
WHOLE, TRUTH = frozenset({"run", "n"}), frozenset({"answer"})
TEXT = frozenset(
    {"experiment", "analysis", "cut_off", "decision", "metric", "kind", "unit_of_measure", "variant", "control"}
    | {"interval_kind", "adjusted_for", "population", "model", "prior", "not_shown"}
)
"""Columns of whole numbers, of truth and of text; all others are numbers."""

Row = dict[str, str | int | float | bool | None]


def to_csv(reading: Reading) -> str:
    """Return a result as CSV: one row a metric and variant, the comparison with the control in the same row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows(reading):
        writer.writerow(row | {name: str(row[name]).lower() for name in TRUTH})
    return text.getvalue()


def rows(reading: Reading) -> Iterator[Row]:
    """Yield the rows of the table; every row has every column, None where there is no such figure."""
    heading = reading.answer.heading
    whole: Row = {
        "experiment": heading.experiment,
        "run": heading.run,
        "analysis": heading.analysis,
        "cut_off": heading.cut_off,
        "decision": reading.answer.verdict.decision,
        "answer": True,
    }
    nothing: Row = dict.fromkeys(CSV_COLUMNS)
    parts = (_scorecard_rows(reading), _retention_rows(reading), _word_of_mouth_rows(reading), _total_rows(reading))
    for row in chain.from_iterable(parts):
        yield nothing | whole | row


def _scorecard_rows(reading: Reading) -> Iterator[Row]:
    for entry in reading.answer.metrics:
        own, plain = _about(entry), entry.plain
        about = own | _model(plain) | {"not_shown": _reason(reading, plain), "answer": entry.covariate is None}
        yield from _variant_rows(reading, about, plain.variants, plain.comparisons)
        if entry.adjusted is not None:
            adjusted = entry.adjusted
            about = own | {
                "model": adjusted.model,
                "prior": None if adjusted.prior is None else adjusted.prior.name,
                "adjusted_for": covariate_name(adjusted.covariate),
            }
            yield from _variant_rows(reading, about, entry.adjusted.variants, entry.adjusted.comparisons)


def _total_rows(reading: Reading) -> Iterator[Row]:
    """Yield what members did with the members they brought; no verdict rests on it."""
    total = reading.answer.total
    for entry in () if total is None else total.metrics:
        plain = entry.plain
        about = _about(entry) | _model(plain) | {"not_shown": _reason(reading, plain), "answer": False}
        yield from _variant_rows(reading, about, plain.variants, plain.comparisons)


def _about(entry: MetricEntry) -> Row:
    return {
        "metric": entry.metric,
        "kind": entry.plain.kind,
        "unit_of_measure": entry.unit_of_measure,
        "population": entry.population,
    }


def _model(result: MetricResult) -> Row:
    return {"model": result.model, "prior": result.prior.name}


def _variant_rows(
    reading: Reading, about: Row, variants: Sequence[VariantResult], comparisons: Sequence[ComparisonResult]
) -> Iterator[Row]:
    compared = {row.variant: row for row in comparisons}
    for row in variants:
        own: Row = {
            "variant": row.variant,
            "n": row.n,
            "total": row.total,
            "mean": row.mean,
            "sd": row.sd,
            "p_best": row.p_best,
            "expected_loss": row.expected_loss,
            "raw_mean": row.raw_mean,
        }
        if row.interval_not_shown is not None:
            own["not_shown"] = reading.text(row.interval_not_shown.reason)
        yield about | own | _interval(row.interval) | _comparison(compared.get(row.variant))


def _retention_rows(reading: Reading) -> Iterator[Row]:
    """Yield the half-life of each variant, from the members whose window is over."""
    for entry in reading.answer.entries(RETENTION):
        about = _measured(reading, HALF_LIFE)
        if isinstance(entry, Unfitted) or not about:
            continue
        about |= {"model": "retention", "prior": entry.prior.name}
        for row in entry.variants:
            yield about | {"variant": row.variant, "n": row.mature} | _estimate(reading, row.half_life)


def _word_of_mouth_rows(reading: Reading) -> Iterator[Row]:
    """Yield the K-factor with the difference from the control, and the reach by its median: it has no mean near 1."""
    for entry in reading.answer.entries(CASCADE):
        if isinstance(entry, Unfitted):
            continue
        compared = {row.variant: row for row in entry.comparisons}
        prior: Row = {"prior": entry.prior.name}
        if about := _measured(reading, K_FACTOR):
            for row in entry.variants:
                own: Row = {"model": metric(K_FACTOR).model, "variant": row.variant, "n": row.n, "total": row.brought}
                yield about | prior | own | _estimate(reading, row.r) | _difference(compared.get(row.variant))
        if about := _measured(reading, REACH):
            for row in entry.variants:
                own = {"model": metric(REACH).model, "variant": row.variant, "n": row.roots}
                yield about | prior | own | _reach(reading, row.reach)


def _measured(reading: Reading, key: str) -> Row:
    """Return what every row of a metric says; nothing if the metric is not measured."""
    definition = reading.answer.provenance.metric_definitions.get(key)
    if definition is None:
        return {}
    return {"metric": key} | {name: definition[name] for name in ("kind", "unit_of_measure", "population")}


def _reason(reading: Reading, result: MetricResult) -> str | None:
    return None if result.not_shown is None else reading.text(result.not_shown.reason)


def _estimate(reading: Reading, estimate: Estimate | NotShown) -> Row:
    if isinstance(estimate, NotShown):
        return {"not_shown": reading.text(estimate.reason)}
    return {"mean": estimate.mean} | _interval(estimate.interval)


def _reach(reading: Reading, reach: Reach | NotShown) -> Row:
    if isinstance(reach, NotShown):
        return {"not_shown": reading.text(reach.reason)}
    return {"median": reach.median} | _interval(reach.interval)


def _difference(row: CascadeComparison | None) -> Row:
    if row is None:
        return {}
    bounds = row.difference.interval
    return {
        "control": row.control,
        "p_beats_control": row.p_beats_control,
        "difference": row.difference.mean,
        "difference_low": bounds.low,
        "difference_high": bounds.high,
    }


def _interval(interval: Interval | None) -> Row:
    if interval is None:
        return {}
    return {
        "interval_kind": interval.kind,
        "interval_probability": interval.probability,
        "low": interval.low,
        "high": interval.high,
    }


def _comparison(row: ComparisonResult | None) -> Row:
    if row is None:
        return {}
    out: Row = {"control": row.control, "p_beats_control": row.p_beats_control, "p_rope": row.p_rope}
    for name, estimate in (("lift", row.lift), ("difference", row.difference)):
        if estimate is not None:
            bounds = estimate.interval
            out |= {name: estimate.median, f"{name}_low": bounds.low, f"{name}_high": bounds.high}
    return out
