"""Health checks: when they fail, when they must not, and which message they return."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from analysis import AnalysisError, HealthCheck
from analysis.health import checks, split, srm
from analysis.health.data import HealthData, Uncounted
from analysis.health.split import split_of
from analysis.messages import message

NOW = round(datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp() * 1e6)
HOUR = 3_600_000_000
HALVES = {"a": 0.5, "b": 0.5}


def of_split(counts: dict[str, int], **known: Any) -> HealthCheck:
    return split.srm(HealthData(epochs=(srm.Epoch(counts, HALVES),), **known))


def test_the_chi_square_test_is_the_reference_figure(shared_data):
    known = json.loads((shared_data / "expected.json").read_text())["hillstrom_email"]["srm_equal_thirds"]
    counts = dict(zip("abc", known["counts"], strict=True))
    split = srm.judge([srm.Epoch(counts, dict.fromkeys("abc", 1 / 3))])
    assert split.statistic == pytest.approx(known["chi2"])
    assert (split.once, split.freedom) == (pytest.approx(known["p"]), 2)
    assert split_of(counts, dict.fromkeys("abc", 1 / 3)).status == "ok"


def test_a_correct_split_rarely_fails_daily_checks():
    rng = np.random.default_rng(9)
    share = np.array([0.5, 0.3, 0.2])
    counts = rng.multinomial(300, share, (4000, 60)).cumsum(axis=1)
    ever = (srm.always_valid_p(counts, share) < 0.01).any(axis=1).mean()
    assert ever <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 4000)


@pytest.mark.parametrize("coming", ["evenly", "early", "late"])
@pytest.mark.parametrize("variants", [2, 4])
def test_a_correct_split_rarely_fails_daily_checks_within_a_plan(coming, variants):
    """20,000 runs of 20 looks at an alarm of 1 %; members who come late are the hardest case."""
    rng = np.random.default_rng(10)
    time = np.arange(1, 21) / 20
    arrived = np.round(20_000 * {"evenly": time, "early": np.sqrt(time), "late": time**2}[coming]).astype(int)
    share = np.full(variants, 1 / variants)
    counts = rng.multinomial(np.diff(arrived, prepend=0), share, (20_000, 20)).cumsum(axis=1)
    statistic = ((counts - arrived[:, None] * share) ** 2 / (arrived[:, None] * share)).sum(axis=-1)
    planned = 2 * chi2.sf(statistic * time, variants - 1) / srm.PLANNED_SHARE
    always = srm.always_valid_p(counts, share) / (1 - srm.PLANNED_SHARE)
    ever = (np.minimum(planned, always) < 0.01).any(axis=1).mean()
    assert 0.003 < ever <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 20_000)
    judged = srm.judge(
        [srm.Epoch({str(v): int(n) for v, n in enumerate(counts[0, 9])}, dict.fromkeys(map(str, range(variants)), 1))],
        0.5,
    )
    assert judged.planned == pytest.approx(min(planned[0, 9], always[0, 9], 1.0))


def test_shares_that_do_not_change_give_the_one_epoch_figure():
    share = {"a": 0.6, "b": 0.3, "c": 0.1}
    parts = [{"a": 700, "b": 280, "c": 90}, {"a": 50, "b": 40, "c": 12}, {"a": 1300, "b": 702, "c": 160}]
    whole = {key: sum(part[key] for part in parts) for key in share}
    by_parts = srm.log_evidence([srm.Epoch(part, share) for part in parts])
    assert by_parts == pytest.approx(srm.log_evidence([srm.Epoch(whole, share)]))
    assert srm.judge([srm.Epoch(part, share) for part in parts]).freedom == 6


def test_the_weights_of_each_epoch_are_what_counts():
    halves, tilted = {"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}
    right = [srm.Epoch({"a": 2510, "b": 2490}, halves), srm.Epoch({"a": 4480, "b": 520}, tilted)]
    check = split.srm(HealthData(epochs=tuple(right)))
    assert check.status == "ok"
    assert [part.params["members"] for part in check.detail.params["seen"]] == [6990, 3010]
    # The same members against the weights in the other order: a failure.
    swapped = (srm.Epoch(right[0].counts, tilted), srm.Epoch(right[1].counts, halves))
    assert split.srm(HealthData(epochs=swapped)).status == "fail"
    assert split.srm(HealthData(epochs=(srm.Epoch({}, halves), right[1]))).status == "ok"


def test_a_steady_loss_is_found_across_many_small_epochs():
    """A variant that loses 8 % of its members, while the shares change every day."""
    rng = np.random.default_rng(12)
    found = pooled = 0
    for _ in range(200):
        epochs = []
        for _ in range(20):
            a = rng.uniform(0.3, 0.7)
            n = rng.multinomial(1000, [a, 1 - a])
            epochs.append(srm.Epoch({"a": int(n[0]), "b": int(rng.binomial(n[1], 0.92))}, {"a": a, "b": 1 - a}))
        found += srm.judge(epochs).always < 0.001
        pooled += srm.judge(epochs).once < 0.001
    assert found > 160 and found > pooled


def test_correct_changing_shares_rarely_fail():
    rng = np.random.default_rng(13)
    runs, ever = 500, 0
    for _ in range(runs):
        epochs, lowest = [], 1.0
        for _ in range(12):
            # the shares follow what was seen, as adaptive allocation's do
            a = (
                0.5
                if not epochs
                else float(np.clip(epochs[-1].counts["a"] / epochs[-1].n + rng.normal(0, 0.05), 0.1, 0.9))
            )
            n = rng.multinomial(400, [a, 1 - a])
            epochs.append(srm.Epoch({"a": int(n[0]), "b": int(n[1])}, {"a": a, "b": 1 - a}))
            lowest = min(lowest, math.exp(-srm.log_evidence(epochs)))
        ever += lowest < 0.01
    assert ever / runs <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / runs)


def test_a_failed_split_stays_failed_and_a_single_look_forgets():
    counts = {"a": 5000, "b": 4900}
    assert of_split(counts).status == "ok"
    assert of_split(counts, split_failed=True).status == "fail"
    assert of_split(counts, split_failed=True, imported=True).status == "ok"


def test_a_plan_gives_the_test_more_power_up_to_its_end():
    counts = {"a": 5200, "b": 4838}
    assert of_split(counts).status == "warn"
    assert of_split(counts, fraction=1.0).status == "fail"
    assert of_split(counts, fraction=0.5).status == "warn"
    assert of_split(counts, fraction=1.5).status == "warn"


@pytest.mark.parametrize(
    ("b", "status", "code"),
    [(9_000, "ok", "as_planned"), (9_360, "warn", "possible"), (9_372, "warn", "possible"), (9_500, "fail", "wrong")],
)
def test_a_finished_import_is_judged_by_its_chi_square(b, status, code):
    """As a public retention test whose 44,700 against 45,489 members had p = 0.009 and was called as planned."""
    check = of_split({"a": 9_000, "b": b}, imported=True)
    assert (check.status, check.detail.code) == (status, f"health.srm.{code}")
    once = srm.judge([srm.Epoch({"a": 9_000, "b": b}, HALVES)]).once
    assert check.value == once
    assert status == ("fail" if once < 0.001 else "warn" if once < 0.01 else "ok")
    known = of_split({"a": 44_700, "b": 45_489}, imported=True)
    assert (known.status, round(known.value, 3)) == ("warn", 0.009)


def test_a_running_test_is_judged_by_the_p_that_holds_at_any_look():
    """Where the chi-square p alone is below 0.01, daily looks would call a correct split a mismatch too often."""
    counts = {"a": 9_000, "b": 9_360}
    split = srm.judge([srm.Epoch(counts, HALVES)])
    assert split.once < 0.01 < split.always
    assert (of_split(counts).status, of_split(counts).detail.code) == ("ok", "health.srm.as_planned")
    ends = {"a": 9_000, "b": 9_455}
    split = srm.judge([srm.Epoch(ends, HALVES)], 1.0)
    assert 0.001 < split.planned < 0.01
    assert (of_split(ends, fraction=1.0).status, of_split(ends, fraction=1.0).detail.code) == (
        "warn",
        "health.srm.possible",
    )


def test_a_wrong_split_fails_with_members_shares_and_a_next_step():
    check = of_split({"a": 5200, "b": 4700})
    assert check.status == "fail" and check.value < 0.001
    assert check.detail.code == "health.srm.wrong"
    assert [part.params for part in check.detail.params["seen"]] == [
        {"members": 5200, "variant": "a"},
        {"members": 4700, "variant": "b"},
    ]
    assert [part.params["share"] for part in check.detail.params["planned"]] == [0.5, 0.5]
    assert check.next_step.code == "health.srm.next_step"
    assert check.figures.code == "health.srm.figures_daily" and check.figures.params["p"] == check.value
    assert HealthCheck.from_dict(json.loads(json.dumps(check.to_dict()))).to_dict() == check.to_dict()


def test_uneven_plans_are_respected():
    assert split_of({"a": 9000, "b": 1000}, {"a": 0.9, "b": 0.1}).status == "ok"
    assert split_of({"a": 9000, "b": 1000}, {"a": 9, "b": 1}).status == "ok"
    assert split_of({"a": 9000, "b": 1300}, {"a": 0.9, "b": 0.1}).status == "fail"


def test_a_variant_without_members_is_counted_as_none():
    assert of_split({"a": 400}).status == "fail"
    assert (of_split({}).status, of_split({}).detail.code) == ("warn", "health.srm.empty")


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({"a": 5, "c": 5}, HALVES),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": 0.0}),
        ({"a": 5, "b": -1}, HALVES),
        ({"a": 5, "b": 5}, {"a": 1.0, "b": float("nan")}),
        ({"a": 5}, {"a": 1.0}),
    ],
)
def test_an_invalid_split_is_refused(counts, weights):
    with pytest.raises(AnalysisError):
        split_of(counts, weights)


def members_check(key: str, **counts: int) -> HealthCheck:
    """The check of a run with 1,000 randomised members and 1,000 events."""
    known = {"randomised": 1000, "events": 1000, "window_days": 7, "clock_tolerance_seconds": 5, "currency": "EUR"}
    return checks.BY_KEY[key].run(HealthData(**(known | counts)))


CASES = [
    ("multi_exposed", {"multi_exposed": 2}, "ok"),
    ("multi_exposed", {"multi_exposed": 30}, "warn"),
    ("multi_exposed", {"multi_exposed": 30, "uneven": True}, "warn"),
    ("multi_exposed", {"multi_exposed": 300}, "fail"),
    ("multi_exposed", {"randomised": 0}, "ok"),
    ("immature", {"immature": 100}, "ok"),
    ("immature", {"immature": 1000}, "ok"),
    ("immature", {}, "ok"),
    ("late_events", {"late": 10}, "ok"),
    ("late_events", {"late": 900}, "warn"),
    ("late_events", {}, "ok"),
    ("outside_run", {"after_end": 400}, "ok"),
    ("outside_run", {"before_start": 60, "after_end": 1}, "warn"),
    ("outside_run", {"before_start": 1}, "ok"),
    ("carry_over", {"carried_over": 50, "switched": 20}, "ok"),
    ("carry_over", {"carried_over": 51}, "warn"),
    ("carry_over", {"carried_over": 900, "randomised": 100, "new_only": True}, "ok"),
    ("bot_events", {"set_aside": 5, "events": 95}, "ok"),
    ("bot_events", {"set_aside": 50, "events": 50}, "warn"),
    ("crossing", {"crossed": 18}, "ok"),
    ("crossing", {"crossed": 80}, "warn"),
    ("crossing", {"shared": 5}, "ok"),
    ("bots", {"bots": 11}, "ok"),
    ("bots", {"bots": 2500}, "fail"),
    ("bots", {}, "ok"),
    ("clock_skew", {}, "ok"),
    ("clock_skew", {"ahead": 20}, "ok"),
    ("clock_skew", {"ahead": 51}, "warn"),
    ("before_exposure", {}, "ok"),
    ("before_exposure", {"early": 1}, "ok"),
    ("before_exposure", {"early": 200}, "warn"),
    ("unwatched", {"unwatched": 200}, "warn"),
    ("file_rows", {"file_rows": {"read": 10, "used": 10}}, "ok"),
    ("file_rows", {"file_rows": {"read": 10, "used": 6, "condition": 1, "repeated": 1, "two_variants": 2}}, "ok"),
    ("currency", {"other_currency": 1, "orders": 1000, "currencies": {"CHF": 1}, "money_decides": True}, "warn"),
    ("currency", {"other_currency": 2, "orders": 1000, "currencies": {"CHF": 2}, "money_decides": True}, "fail"),
    ("currency", {"other_currency": 3, "orders": 60, "currencies": {"CHF": 1, "USD": 2}}, "warn"),
    ("aa_history", {"aa_winners": (False,)}, "ok"),
    ("aa_history", {"aa_winners": (False,) * 19 + (True,)}, "ok"),
    ("aa_history", {"aa_winners": (True,) * 3 + (False,) * 12}, "warn"),
    ("aa_history", {"aa_winners": (True,) * 6 + (False,) * 6}, "fail"),
    ("silence", {"listening": True, "now_us": NOW, "last_event_us": NOW - 40_000_000}, "ok"),
    ("silence", {"listening": True, "now_us": NOW, "last_event_us": NOW - 8 * HOUR}, "warn"),
    ("silence", {"listening": True, "now_us": NOW, "last_event_us": NOW - 72 * HOUR}, "fail"),
    ("silence", {"listening": True, "now_us": NOW}, "warn"),
    ("silence", {"listening": True, "now_us": NOW, "last_event_us": NOW + HOUR // 12}, "ok"),
    ("silence", {"listening": True, "now_us": NOW, "arrived": True}, "warn"),
    ("unexposed", {"unnamed": 20, "unnamed_unexposed": 20, "admitted": 1.0}, "warn"),
    ("unexposed", {"unnamed": 20, "unnamed_unexposed": 20, "admitted": None}, "ok"),
    ("unexposed", {"unnamed": 1000, "unnamed_unexposed": 900, "admitted": 0.1}, "ok"),
    ("unexposed", {"unnamed": 1000, "unnamed_unexposed": 1000, "admitted": 0.1}, "warn"),
    ("unexposed", {"unnamed": 1000, "unnamed_unexposed": 150, "admitted": 1.0}, "ok"),
    ("unexposed", {"unnamed": 1000, "unnamed_unexposed": 300, "admitted": 1.0}, "warn"),
    ("unexposed", {"unnamed": 1, "unnamed_unexposed": 1, "admitted": 1.0}, "ok"),
    ("unexposed", {"named": 100, "named_unexposed": 6, "admitted": 0.1}, "warn"),
    ("unexposed", {"named": 100, "named_unexposed": 5}, "ok"),
    ("uncounted", {"uncounted": (Uncounted("scroll", 900), Uncounted("save", 12))}, "ok"),
    ("uncounted", {"uncounted": (Uncounted("unsubscribe", 1, "negative"), Uncounted("scroll", 900))}, "warn"),
    ("uncounted", {"uncounted": tuple(Uncounted(f"event-{n}", 9 - n) for n in range(7))}, "ok"),
    ("srm", {"epochs": (srm.Epoch({"a": 500, "b": 500}, HALVES),)}, "ok"),
    ("srm", {"epochs": (srm.Epoch({"a": 500, "b": 500}, HALVES),), "imported": True}, "ok"),
    ("srm", {"epochs": (srm.Epoch({"a": 5200, "b": 4838}, HALVES),)}, "warn"),
    ("srm", {"epochs": (srm.Epoch({"a": 44_700, "b": 45_489}, HALVES),), "imported": True}, "warn"),
    ("srm", {"epochs": (srm.Epoch({"a": 5200, "b": 4700}, HALVES),)}, "fail"),
]


@pytest.mark.parametrize(("key", "counts", "status"), CASES)
def test_each_check_has_its_status_and_a_next_step_where_something_is_wrong(key, counts, status):
    check = members_check(key, **counts)
    assert (check.check, check.status) == (key, status)
    assert check.detail.code.startswith(f"health.{key}.")
    assert bool(check.next_step) == (status != "ok")


def test_every_check_has_a_case():
    assert {key for key, _, _ in CASES} == set(checks.BY_KEY)


def test_a_check_that_does_not_apply_is_left_out():
    split_alone = HealthData(epochs=(srm.Epoch({"a": 5, "b": 5}, HALVES),), totals_only=True, aa_winners=(True,))
    assert [check.check for check in checks.check_health(split_alone)] == ["srm"]
    imported = HealthData(epochs=split_alone.epochs, imported=True, listening=True)
    assert [check.check for check in checks.check_health(imported)] == ["srm", "multi_exposed", "bots"]


def test_rows_that_are_neither_used_nor_set_aside_are_an_error():
    with pytest.raises(AnalysisError):
        members_check("file_rows", file_rows={"read": 10, "used": 7, "repeated": 2})


NOTED = ("immature", "outside_run", "carry_over", "file_rows", "bot_events", "unexposed", "uncounted")


def test_only_some_figures_get_a_note_although_nothing_is_wrong():
    assert checks.is_note(members_check("immature", immature=300))
    assert not checks.is_note(members_check("immature", immature=200))
    assert checks.is_note(members_check("outside_run", after_end=1))
    assert not checks.is_note(members_check("outside_run", before_start=900))  # a warning is no note
    assert not any(checks.is_note(members_check(key, **counts)) for key, counts, _ in CASES if key not in NOTED)


def test_the_last_event_is_given_as_its_moment_which_stays_true():
    check = members_check("silence", listening=True, now_us=NOW, last_event_us=NOW - 40_000_000)
    assert check.detail == message("health.silence.arriving", at=NOW - 40_000_000)


def test_excluding_members_from_an_uneven_split_is_reported_as_bias():
    assert members_check("multi_exposed", multi_exposed=30, uneven=True).detail.code == "health.multi_exposed.uneven"
    assert members_check("multi_exposed", uneven=True).detail.code == "health.multi_exposed.none"


def test_the_value_of_a_a_history_is_the_chance_of_so_many_winners():
    check = members_check("aa_history", aa_winners=(True,) * 3 + (False,) * 12)
    fewer = sum(math.comb(15, k) * 0.05**k * 0.95 ** (15 - k) for k in range(3))
    assert check.value == pytest.approx(1 - fewer)
    assert check.detail.params == {"winners": 3, "tests": 15, "allowed": 0.05}


def test_a_part_above_the_whole_is_refused():
    with pytest.raises(AnalysisError, match="11 of 10"):
        members_check("late_events", late=11, events=10)
    with pytest.raises(AnalysisError, match="count is 0 or more"):
        members_check("currency", other_currency=-1)
