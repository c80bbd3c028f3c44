"""A stored analysis as a short table for the terminal."""

from typing import Any

from experiments.reporting import guardrails, phrases
from experiments.reporting.adjustment import covariate_of, deciding
from experiments.reporting.withheld import too_early, withheld_note, without_chances


def table(result: dict[str, Any]) -> str:
    """The verdict, then a block a metric: what was counted, what is believed of it, the chance of being best.

    Parameters
    ----------
    result
        An analysis in the shape of ``GET /api/v1/experiments/{key}/results``.
    """
    verdict = result["verdict"]
    lines = [verdict["headline"], verdict["reason"]]
    lines += [f"! {check['detail']}" for check in result["health"] if check["status"] == "fail"]
    lines += [f"! {line}" for line in guardrails.lines(result)]
    early = too_early(verdict)
    shown = deciding(result)
    for metric in (without_chances(shown) if early else shown)["metrics"]:
        share = metric["kind"] == "proportion"
        adjusted = f", adjusted for {covariate_of(metric['adjusted'])}" if "plain" in metric else ""
        lines += ["", f"{metric['name']} ({metric['unit_of_measure']}{adjusted})"]
        rows: list[tuple[str, ...]] = [("", "members", "total", "counted", "believed", "95 % interval", "best")]
        rows += [_row(row, share) for row in metric["variants"]]
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append("  " + "  ".join(cells).rstrip())
    if early:
        lines += ["", withheld_note()]
    return "\n".join(lines)


def _row(row: dict[str, Any], share: bool) -> tuple[str, ...]:
    interval = row.get("interval")
    return (
        row["variant"],
        f"{row['n']:,}",
        _total(row["total"]),
        _figure(row["raw_mean"], share),
        _figure(row["mean"], share),
        f"{_figure(interval['low'], share)} to {_figure(interval['high'], share)}" if interval else "-",
        "-" if row.get("p_best") is None else phrases.chance(row["p_best"]),
    )


def _total(total: float) -> str:
    return f"{total:,.0f}" if float(total).is_integer() else f"{total:,.2f}"


def _figure(value: float | None, share: bool) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if share else f"{value:,.4f}"
