"""Verdict, guardrail row, list line, terminal, report and API of one analysis never contradict each other."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis import ProportionStatistics, Verdict, scorecard
from analysis.decision.lead import _LEADS
from analysis.stopping.rules import DECISIONS
from experiments.definition import variant_names
from experiments.exporting import report
from experiments.exporting.report_scorecard import blocks
from experiments.exporting.source import Stored, VariantName
from experiments.reporting import facts, terminal
from experiments.reporting.numbers import NOTHING
from experiments.reporting.withheld import too_early
from experiments.reporting.worded import Reading, after_the_end
from tests.experiments.analyses import documents
from tests.web.pages.results import fixtures
from tests.web.pages.results.stored_form import reading_of
from web.api.schemas.scorecard import Verdict as VerdictSchema
from web.pages.results import view
from web.pages.results.decide import choices

LEADING = ("verdict.leads_but_doubted", "verdict.leads", "verdict.control_leads", *_LEADS.values())
NAMES = fixtures.called()
WORDS = {"broken": "broken", "in_doubt": "in doubt"}


@cache
def card(metric: str, members: int, *counts: int):
    """The scorecard of a share of the members of a, b and c; counts are those of 10,000 members."""
    cells = {
        key: ProportionStatistics(members, round(count * members / 10_000))
        for key, count in zip("abc", counts, strict=True)
    }
    direction = "lower" if metric in fixtures.GUARDRAILS else "higher"
    return scorecard(cells, control="a", metric=metric, direction=direction)


def state(cells, complaints, days=9.0, split=False, members=10_000) -> dict:
    """The stored document of an analysis.

    Parameters
    ----------
    cells, complaints
        Of 10,000 members each of a, b and c: who did what decides, and who complained.
    days
        Of running.
    split
        Whether the check of the traffic split fails.
    members
        Of each variant.
    """
    checks = fixtures.broken_split() if split else fixtures.healthy(dict.fromkeys("abc", members))
    metrics = [card("sticky_rate", members, *cells), card("negative_rate", members, *complaints)]
    cut_off = fixtures.STARTED + timedelta(days=days)
    return json.loads(json.dumps(fixtures.document(metrics, checks, cut_off=cut_off, segments=[])))


states = st.builds(
    state,
    st.tuples(*map(st.sampled_from, ([0, 1000], [0, 700, 1000, 1040, 1080, 1200], [1000, 1200]))),
    st.tuples(*map(st.sampled_from, ([0, 200], [0, 200, 235, 255, 400], [200, 400]))),
    st.sampled_from([0.5, 3.0, 9.0, 14.0, 20.0]),
    st.booleans(),
    st.sampled_from([50, 10_000, 10_000, 1_000_000]),
)


@given(stored=states, ended=st.booleans(), mature=st.booleans())
@example(stored=state((1000, 1000, 1000), (200, 255, 200), 14.0), ended=False, mature=False)
@example(stored=state((1060, 1000, 980), (200, 235, 200), 9.0), ended=False, mature=False)
@example(stored=state((1000, 700, 700), (200, 236, 200), 14.0), ended=True, mature=False)
@example(stored=state((1000, 1000, 1000), (200, 300, 300), 14.0), ended=False, mature=True)
@example(stored=state((1000, 1000, 1000), (200, 400, 200), 14.0, True), ended=False, mature=False)
@settings(max_examples=60)
def test_every_reader_of_an_analysis_gets_the_same_verdict(stored, ended, mature) -> None:
    reading = read(stored, ended)
    result = reading.document
    verdict = result["verdict"]
    assert json.loads(json.dumps(Verdict.from_dict(stored["verdict"]).to_dict())) == stored["verdict"]
    agrees_with_its_guardrails(reading.answer.verdict)
    says_who_leads(reading.answer)
    doubts_agree(reading)

    plan = fixtures.plan(ended_at=fixtures.NOW if ended else None)
    page = view.build(reading, fixtures.variants(), (), plan, now=fixtures.NOW, mature=mature)
    shown = page.part("verdict")
    assert (shown.decision, shown.headline) == (verdict["decision"], verdict["headline"])
    assert "".join(part.text for part in shown.reason) == verdict["reason"]
    assert facts.line(reading.answer.verdict, reading.wording).startswith(verdict["headline"])

    group = next(group for group in page.part("scorecard").groups if group.key == "negative_rate")
    row = next(block for block in blocks(report_of(reading)) if block.name == "Complaints")
    assert (row.tag, row.tone, row.remark) == (group.tag, group.tone, group.remark)
    says_the_statuses(group, verdict)

    lines = terminal.table(reading).splitlines()
    assert lines[:2] == [verdict["headline"], verdict["reason"]]
    bad = [status for status in verdict["guardrails"] if status["status"] in WORDS]
    assert [line for line in lines if line.startswith("! Guardrail")] == [
        f"! Guardrail complaints is {WORDS[status['status']]} {'by' if status['status'] == 'broken' else 'for'} "
        f"{status['variant'].upper()}."
        for status in bad
    ]
    assert VerdictSchema.model_validate(verdict).model_dump(include=verdict.keys()) == verdict


def test_the_states_above_hold_every_decision_and_every_status() -> None:
    picks = product((1000, 1040, 1080, 1200), (0, 200, 235, 400), (0.5, 9.0, 14.0, 20.0), (10_000, 1_000_000))
    seen: Counter[str] = Counter()
    for done, worse, days, members in picks:
        usual = 200 if worse else 0
        made = state((1000, done, 1000), (usual, worse, usual), days, False, members)["verdict"]
        seen.update([made["decision"], *(row["status"] for row in made["guardrails"])])
    seen.update([state((1000,) * 3, (200,) * 3, split=True)["verdict"]["decision"]])
    assert seen.keys() == {*DECISIONS, "held", "in_doubt", "broken", "unknown"}


def agrees_with_its_guardrails(verdict) -> None:
    statuses = {row.variant: row.status for row in verdict.guardrails}
    broken = [variant for variant, status in statuses.items() if status == "broken"]
    if verdict.decision == "ship":
        assert statuses[verdict.variant] in ("held", "unknown")
    if broken:
        assert verdict.decision in ("stop_harm", "ship")
    if broken and verdict.decision == "stop_harm":
        assert list(verdict.headline.params["variants"]) == broken
    if too_early(verdict) or verdict.decision == "untrusted":
        assert set(statuses.values()) == {"unknown"}


def says_who_leads(answer) -> None:
    """A variant that is said to lead has the highest chance of being best; a leader in doubt is said to be."""
    verdict, rows = answer.verdict, answer.primary.plain.variants
    best = max(rows, key=lambda row: row.p_best or 0.0).variant
    leads = [part for part in verdict.reasons if part.code in LEADING]
    assert {part.params["variant"] for part in leads} <= {best}
    doubted = {row.variant for row in verdict.guardrails if row.status == "in_doubt"}
    if verdict.decision == "keep_running":
        assert (best in doubted) == any(part.code == "verdict.leads_but_doubted" for part in leads)


def says_the_statuses(group, verdict) -> None:
    statuses = [row["status"] for row in verdict["guardrails"]]
    for status, words in WORDS.items():
        assert (words in group.tag) == (status in statuses)
    assert (group.tone == "good") == ("held" in statuses and not set(statuses) & WORDS.keys())
    assert bool(group.remark) == bool(set(statuses) & WORDS.keys())
    assert not group.rows or {row.best.text for row in group.rows} <= {"", NOTHING}


def doubts_agree(reading) -> None:
    verdict = reading.answer.verdict
    for choice in choices(fixtures.variants(), reading.answer, "sticky_rate"):
        found = [row.status for row in verdict.guardrails if row.variant == choice.variant.key]
        assert choice.doubts == tuple(f"guardrail “Complaints” {WORDS[one]}" for one in found if one in WORDS)
        assert choice.advised == (verdict.decision == "ship" and verdict.variant == choice.variant.key)


def read(stored, ended=False) -> Reading:
    reading = reading_of(stored, dict(NAMES))
    verdict = after_the_end(reading.answer.verdict) if ended else reading.answer.verdict
    return replace(reading, answer=replace(reading.answer, verdict=verdict))


def report_of(reading) -> Stored:
    variants = tuple(
        VariantName(variant.key, variant.letter, variant_names.called("", {"headline": variant.title}), variant.control)
        for variant in fixtures.variants()
    )
    inputs = documents.inputs({"click_rate": documents.RATES}, names=NAMES)
    made = (reading, inputs, [], fixtures.STARTED, 14, "EUR", False)
    return Stored("Spring", "", "sticky_rate", variants, *made)


def test_the_report_shows_the_verdict_and_its_guardrail() -> None:
    stored = state((1000, 1000, 1000), (200, 255, 200), 14.0)
    reading = read(stored)
    result = reading.document
    page = report.rendered(report_of(reading))
    assert result["verdict"]["decision"] == "stop_harm"
    assert result["verdict"]["headline"] in page and "guardrail broken by B" in page
    assert "Proven higher with B" in page
