"""A stored analysis as a short table for the terminal."""

from analysis import Interval, VariantResult
from analysis.health.checks import is_note
from experiments.analyses.scorecards import MetricEntry
from experiments.reporting import guardrails, phrases
from experiments.reporting.adjustment import covariate_name
from experiments.reporting.measures import name_of, unit_of
from experiments.reporting.numbers import count, decimal, percent
from experiments.reporting.withheld import too_early, withheld_note
from experiments.reporting.worded import Reading
from experiments.translation import N_, gettext

COLUMNS = ("", N_("members"), N_("total"), N_("observed"), N_("estimate"), N_("95 % interval"), N_("best"))


def table(reading: Reading) -> str:
    """Return the verdict, then a block per metric: what was counted, the estimates, the chance of being best."""
    answer = reading.answer
    verdict = answer.verdict
    lines = [reading.text(verdict.headline), reading.text(verdict.reason)]
    lines += [f"! {reading.text(check.detail)}" for check in answer.health if check.status == "fail"]
    lines += [f"- {reading.text(check.detail)}" for check in answer.health if check.status == "warn" or is_note(check)]
    lines += [f"! {line}" for line in guardrails.lines(reading)]
    guarded = guardrails.guarded(verdict)
    for entry in guardrails.shown(verdict, answer.metrics):
        columns = len(COLUMNS) - (entry.metric in guarded)  # a guardrail has no chance of being best
        rows = [tuple(map(gettext, COLUMNS))]
        rows += [_row(row, entry.plain.kind == "proportion") for row in entry.deciding.variants]
        lines += ["", _heading(entry), *_block([row[:columns] for row in rows])]
    if too_early(verdict):
        lines += ["", withheld_note()]
    return "\n".join(lines)


def _heading(entry: MetricEntry) -> str:
    if entry.covariate is None:
        return gettext("{metric} ({unit})").format(metric=name_of(entry), unit=unit_of(entry))
    text = gettext("{metric} ({unit}, adjusted for {covariate})")
    return text.format(metric=name_of(entry), unit=unit_of(entry), covariate=covariate_name(entry.covariate))


def _block(rows: list[tuple[str, ...]]) -> list[str]:
    """Return aligned rows, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _row(row: VariantResult, share: bool) -> tuple[str, ...]:
    interval = row.interval
    return (
        row.variant,
        count(row.n),
        _total(row.total),
        _figure(row.raw_mean, share),
        _figure(row.mean, share),
        _interval(interval, share) if interval else "-",
        "-" if row.p_best is None else phrases.chance(row.p_best),
    )


def _interval(interval: Interval, share: bool) -> str:
    return gettext("{low} to {high}").format(low=_figure(interval.low, share), high=_figure(interval.high, share))


def _total(total: float) -> str:
    return decimal(total, 0 if float(total).is_integer() else 2)


def _figure(value: float | None, share: bool) -> str:
    if value is None:
        return "-"
    return percent(value, 2) if share else decimal(value, 4)
