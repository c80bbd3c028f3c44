"""The sampled parts and the declared settings, from stored rows to the stored result and back."""

import json
import random
from collections import Counter

import pytest
from sqlmodel import select

from experiments.analyses.answer import Answer
from experiments.analyses.records import history
from experiments.analyses.run import analyse, repeat
from experiments.catalogue.metrics import DAY_US
from experiments.ingestion.events import bulk_insert as bulk_insert_events
from experiments.ingestion.rows import EventRow
from experiments.lifecycle.store import current_run, get
from experiments.reporting.worded import Reading, wording
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, Exposure
from tests.experiments.analyses.test_adaptive import BEGAN_US, launched
from web.api.schemas.results import Results

MEMBERS = 1_600
WINDOW_US = 7 * DAY_US
METRICS = ["click_rate", "revenue", "order_value", "half_life", "k_factor", "reach", "net_value", "roi", "active_days"]


def lived(database, **fields) -> None:
    """A week of members with a known history who return, buy and bring others; b is slightly better."""
    cost = {"fixed": 100, "per_thousand": 5}
    variants = [
        {"key": key, "weight": 0.5, "control": key == "a", "cost": cost, "content": {"headline": key}} for key in "ab"
    ]
    launched(
        database,
        **{
            "variants": variants, "allocation": None, "metrics": METRICS, "window_days": 7, "margin": 0.4,
            "action_values": {"share": 0.5}, "segments": ["country", "device"],
        }
        | fields,
    )  # fmt: skip
    chance = random.Random(4)
    with database.write() as session:
        run = current_run(session, get(session, "spring"))
        events = []
        for number in range(MEMBERS):
            unit, variant, at = f"m{number}", "ab"[number % 2], BEGAN_US + number * (6 * DAY_US // MEMBERS)
            history = chance.gauss(0, 1)
            session.add(
                Exposure(
                    project_id=1,
                    run_id=run.id,
                    unit=unit,
                    variant=variant,
                    at_us=at,
                    received_us=at,
                    origin="randomised",
                    epoch=1,
                    root=unit,
                    attributes={
                        "country": chance.choice(("DE", "AT", "CH")),
                        "device": chance.choice(("phone", "desk")),
                        "history": round(history, 3),
                    },
                )  # fmt: skip
            )
            events += list(_doings(chance, unit, variant, at, history))
            for friend in _chain(chance, unit, variant, at):
                session.add(Exposure(project_id=1, run_id=run.id, **friend))
        bulk_insert_events(session, events)


def _chain(chance, root: str, variant: str, at: int):
    """Each exposed member brings another with a chance of a quarter, within a day."""
    unit = root
    for depth in range(1, 9):
        if chance.random() > 0.25:
            return
        parent, unit, at = unit, f"{root}-{depth}", at + chance.randrange(1, DAY_US)
        yield {
            "unit": unit, "variant": variant, "at_us": at, "received_us": at, "origin": "shared", "epoch": 1,
            "brought_by": parent, "root": root, "depth": depth,
        }  # fmt: skip


def _doings(chance, unit, variant, at, history):
    def event(kind: str, after: int, value: int | None = None) -> EventRow:
        when = at + after
        money = "EUR" if kind == "purchase" else None
        return EventRow(1, f"{kind}-{unit}-{after}", unit, kind, when, when, value, money)

    if chance.random() < (0.2 if variant == "a" else 0.24) + 0.15 * (history > 0):
        yield event("click", 1000)
    if chance.random() < 0.12:
        yield event("purchase", 2000, round(1_000_000 * chance.lognormvariate(3, 0.8)))
    if chance.random() < 0.2:
        yield event("share", 3000)
    for day in range(1, 7):
        if chance.random() < 0.3 / day:
            yield event("view", day * DAY_US + 5)


def after(days: int) -> int:
    return BEGAN_US + days * DAY_US


def read(result):
    """Return the document of a stored result with its texts."""
    answer = Answer.from_dict(result)
    return Reading(answer, wording(answer, {})).document


@pytest.mark.slow
def test_every_sampled_part_is_in_the_second_result_and_repeats_to_the_digit(sqlite_url):
    database = Database(sqlite_url)
    lived(database)
    analysis = analyse(database, "spring", cut_off_us=after(20), seed=11)
    with database.read() as session:
        answers = session.scalars(select(Analysis).where(Analysis.history_only.is_(False)).order_by(Analysis.id)).all()
        assert [row.inputs["with_models"] for row in answers] == [False, True]
        early, full = (row.result for row in answers)
        assert json.loads(json.dumps(repeat(session, analysis.id))) == full
    database.close()
    Results.model_validate(read(early))
    Results.model_validate(read(full))
    assert early["cascade"]["not_shown"]["code"] == early["amounts"][0]["not_shown"]["code"] == "later"
    assert [entry["not_shown"] for entry in full["segments"]] == [None, None]
    assert all(entry["joint"] and len(entry["overall"]) == 2 for entry in full["segments"])
    assert full["retention"]["variants"][0]["tail"] is not None
    cascade = full["cascade"]
    assert cascade["not_shown"] is None, cascade
    assert all(row["r"]["interval"]["low"] < 0.25 < row["r"]["interval"]["high"] for row in cascade["variants"])
    (money,) = full["amounts"]
    assert (money["metric"], money["not_shown"], money["family"]) == ("revenue", None, "log_normal")
    (days,) = full["counts"]
    assert early["counts"][0]["not_shown"]["code"] == "later"
    # Whole days within a week vary less than in any negative binomial.
    assert (days["metric"], days["not_shown"]["code"]) == ("active_days", "fits_no_family")
    assert not all(check["passed"] for check in days["checks"])
    assert [entry["metric"] for entry in full["metrics"]] == [
        "click_rate", "revenue", "order_value", "net_value", "roi", "active_days",
    ]  # fmt: skip
    early_figures, full_figures = early["metrics"], full["metrics"]
    assert early_figures == full_figures, "the verdict's figures do not wait for the sampler"
    assert early["verdict"] | {"look": None} == full["verdict"] | {"look": None}


def test_the_total_effect_counts_outcomes_of_brought_members_for_their_root(database):
    lived(database, segments=[], metrics=["click_rate", "revenue", "k_factor", "half_life"])
    with database.write() as session:
        brought = session.exec(select(Exposure).where(Exposure.origin == "shared")).all()
        clicks = [EventRow(1, f"c-{row.unit}", row.unit, "click", row.at_us, row.at_us, None, None) for row in brought]
        bulk_insert_events(session, clicks)
        came = Counter(row.variant for row in brought)
    result = analyse(database, "spring", cut_off_us=after(20), with_models=False).result
    Results.model_validate(read(result))
    total = result["total"]
    assert total["brought"] == result["units"]["shared"] > 100
    assert [(entry["metric"], entry["kind"], entry["population"]) for entry in total["metrics"]] == [
        ("click_rate", "count", "total"), ("revenue", "amount", "total"),
    ]  # fmt: skip
    for entry, own in zip(total["metrics"], result["metrics"], strict=False):
        assert entry["metric"] == own["metric"] and entry["not_shown"] is None
        for row, direct in zip(entry["variants"], own["variants"], strict=True):
            assert row["n"] == direct["n"], "randomised members alone are the denominator"
            more = came[row["variant"]] if entry["metric"] == "click_rate" else 0
            assert row["total"] == pytest.approx(direct["total"] + more)


def test_a_declared_covariate_reduces_the_variance_and_repeats(database):
    lived(database, covariate={"attribute": "history"}, segments=[], metrics=["click_rate"])
    analysis = analyse(database, "spring", cut_off_us=after(20), with_models=False)
    adjusted = analysis.result["metrics"][0]["adjusted"]
    assert adjusted["covariate"] == {"attribute": "history"}
    assert 0 < adjusted["variance_reduction"] < 0.2
    assert 0.05 < adjusted["correlation"] < 0.4
    assert analysis.result["answer"]["chance_best"] == max(row["p_best"] for row in adjusted["variants"])
    with database.read() as session:
        assert json.loads(json.dumps(repeat(session, analysis.id))) == session.get(Analysis, analysis.id).result


def test_net_value_counts_the_margin_the_actions_and_the_cost(database):
    lived(database, segments=[], metrics=["net_value", "revenue", "share_rate"])
    result = analyse(database, "spring", cut_off_us=after(20), with_models=False).result
    by = {entry["metric"]: {row["variant"]: row for row in entry["variants"]} for entry in result["metrics"]}
    for variant in "ab":
        money, shares = by["revenue"][variant], by["share_rate"][variant]
        members = money["n"]
        expected = (0.4 * money["total"] + 0.5 * shares["total"] - 100 - 5 * members / 1000) / members
        assert by["net_value"][variant]["raw_mean"] == pytest.approx(expected, abs=1e-6)
        interval = by["net_value"][variant]["interval"]
        assert interval["low"] < expected < interval["high"]


def test_members_whose_window_is_open_are_left_out_of_the_mature_figures(database):
    lived(database, segments=[], metrics=["click_rate", "revenue"])
    result = analyse(database, "spring", cut_off_us=after(10), with_models=False).result
    grown = sum(result["mature"]["members"].values())
    with database.read() as session:
        rows = session.scalars(select(Exposure).where(Exposure.origin == "randomised")).all()
    assert grown == sum(row.at_us + WINDOW_US <= after(10) for row in rows)
    assert 0 < grown < MEMBERS == result["units"]["randomised"]
    assert [entry["metric"] for entry in result["mature"]["metrics"]] == ["click_rate", "revenue"]
    all_grown = analyse(database, "spring", cut_off_us=after(20), with_models=False).result
    assert all_grown["mature"] is None


def test_the_curve_over_time_has_the_chances_that_decide_the_verdict(database):
    lived(database, covariate={"attribute": "history"}, segments=[], metrics=[])
    analysis = analyse(database, "spring", cut_off_us=after(9), with_models=False)
    with database.read() as session:
        curve = history(session, current_run(session, get(session, "spring")))
    assert len(curve) == 9
    adjusted = {row["variant"]: row["p_best"] for row in analysis.result["metrics"][0]["adjusted"]["variants"]}
    assert curve[-1].p_best == adjusted
    plain = {row["variant"]: row["p_best"] for row in analysis.result["metrics"][0]["variants"]}
    assert curve[-2].p_best == pytest.approx(adjusted, abs=0.2) and plain != adjusted
