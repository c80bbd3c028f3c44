"""A report in one HTML file without any address: verdict, data quality, definition, scorecard and charts.

The charts are those of the page, drawn as SVG with CSS variables for colours, so that the file follows the reader's
light or dark scheme.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from analysis import HealthCheck, charts
from analysis.charts.svg import drawn
from analysis.health.checks import is_note
from experiments.exporting.report_charts import charts_of
from experiments.exporting.report_scorecard import blocks
from experiments.exporting.source import Stored
from experiments.reporting.charts import translated
from experiments.reporting.facts import Fact, facts
from experiments.reporting.numbers import count, percent, when
from experiments.reporting.withheld import too_early, withheld_note
from experiments.reporting.worded import used_for
from experiments.translation import gettext, language, language_in_use, ngettext, pgettext

CHART_WIDTH = 640
MARKS = {"ok": "✓", "info": "i", "warn": "!", "fail": "✕"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its heading, a sentence and the drawing."""

    title: str
    note: str
    svg: str


def write(stored: Stored, file: Path, zone: str = "UTC") -> None:
    """Write the report, with times in the time zone of the IANA name `zone`."""
    file.write_text(rendered(stored, zone), encoding="utf-8")


def rendered(stored: Stored, zone: str = "UTC") -> str:
    """Return the report as HTML, with times in the time zone of the IANA name `zone`."""
    answer = stored.answer
    page: str = _template().render(
        stored=stored,
        language=language(),
        heading=answer.heading,
        headline=stored.reading.text(answer.verdict.headline),
        reason=stored.reading.text(answer.verdict.reason),
        facts=_facts(stored),
        health=[_health(stored, check) for check in answer.health],
        metrics=blocks(stored),
        withheld=withheld_note() if too_early(answer.verdict) else "",
        charts=_charts(stored),
        when=when(datetime.fromisoformat(answer.heading.cut_off), zone),
        made=when(datetime.now(UTC), zone),
        priors=_priors(stored),
        seed=answer.provenance.seed,
        versions=answer.provenance.versions,
        light=_colours("light"),
        dark=_colours("dark"),
    )
    return page


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        gettext, ngettext, newstyle=True, pgettext=pgettext
    )
    environment.filters["count"] = count
    environment.filters["percent"] = partial(percent, digits=0)
    return environment.get_template("report.html")


def _charts(stored: Stored) -> list[Chart]:
    found = charts_of(stored)
    pictures = drawn([translated(chart.spec) for chart in found], width=CHART_WIDTH, locale=language_in_use().charts)
    return [Chart(chart.title, chart.note, svg) for chart, svg in zip(found, pictures, strict=True)]


class Prior(NamedTuple):
    """A prior with its reason and what uses it."""

    name: str
    reason: str
    uses: str


def _priors(stored: Stored) -> list[Prior]:
    """Return each prior once."""
    reasons: dict[str, str] = {}
    uses: dict[str, list[str]] = {}
    for key, prior in stored.answer.provenance.all_priors.items():
        reasons.setdefault(prior.name, stored.reading.text(prior.reason))
        uses.setdefault(prior.name, []).append(key)
    return [Prior(name, reason, used_for(uses[name])) for name, reason in reasons.items()]


def _colours(theme: str) -> dict[str, str]:
    palette = charts.PALETTE_LIGHT if theme == "light" else charts.PALETTE_DARK
    return charts.INK[theme] | {f"v{place}": colour for place, colour in enumerate(palette)}


def _facts(stored: Stored) -> tuple[Fact, ...]:
    entry = stored.answer.entry(stored.primary)
    if entry is None:
        return ()
    return facts(stored.answer.verdict, entry, stored.currency, stored.inputs.plan.names)


class CheckLine(NamedTuple):
    """A check with its mark."""

    status: str
    mark: str
    detail: str
    next_step: str


def _health(stored: Stored, check: HealthCheck) -> CheckLine:
    status = "info" if is_note(check) else check.status
    text = stored.reading.text
    return CheckLine(status, MARKS.get(status, "i"), text(check.detail), text(check.next_step))
