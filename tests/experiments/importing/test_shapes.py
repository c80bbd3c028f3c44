"""Public files of many shapes, each imported by one command, with outcomes under their own names."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import chisquare

from experiments.commands.cli import main
from experiments.settings import settings
from tests.experiments.importing import shapes

Imported = Callable[..., dict[str, Any]]


@pytest.fixture
def imported(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Imported]:
    monkeypatch.setenv("KLETTE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KLETTE_DATABASE_URL", sqlite_url)

    settings.cache_clear()

    def run(text: str, *arguments: str) -> dict[str, Any]:
        (tmp_path / "file.csv").write_text(text)
        options = ("--key", "shape", "--exposed-at", "2026-03-01", "--json")
        ran = CliRunner().invoke(main, ["import", "members", str(tmp_path / "file.csv"), *options, *arguments])
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    yield run
    settings.cache_clear()


def scorecard(document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        entry["metric"]: {row["variant"]: row for row in entry["variants"]} for entry in document["result"]["metrics"]
    }


def test_a_retention_test_of_a_game(imported: Imported) -> None:
    text = shapes.game()
    document = imported(
        text,
        *("--outcome", "retention_7=retention_7:share", "--outcome", "retention_1=retention_1:share"),
        *("--outcome", "rounds=sum_gamerounds:count", "--primary", "retention_7"),
    )
    rows = [line.split(",") for line in text.splitlines()[1:]]
    found = scorecard(document)
    assert list(found) == ["share_of_retention_7", "share_of_retention_1", "count_of_rounds"]
    for arm, key in (("gate_30", "gate_30"), ("gate_40", "gate_40")):
        mine = [row for row in rows if row[1] == arm]
        assert found["share_of_retention_7"][key]["n"] == len(mine)
        assert found["share_of_retention_7"][key]["total"] == sum(row[4] == "True" for row in mine)
        assert found["count_of_rounds"][key]["total"] == sum(int(row[2]) for row in mine)
    assert document["result"]["metrics"][0]["name"] == "retention_7"
    (split,) = (check for check in document["result"]["health"] if check["check"] == "srm")
    members = [row["n"] for row in found["share_of_retention_7"].values()]
    assert chisquare(members).pvalue == pytest.approx(0.009, abs=0.0005)
    assert split["status"] != "fail"
    assert document["import"]["rows"] == {
        "read": 20_000, "used": 20_000, "aside": {}, "added": 0, "unit": "", "unheard": 0,
    }  # fmt: skip


def test_a_landing_page_log_with_contradictions_and_repeats(imported: Imported) -> None:
    text = shapes.landing_page()
    document = imported(
        text,
        *("--outcome", "converted=converted:share", "--map", "variant=landing_page"),
        *("--where", "group=control or group=treatment"),
    )
    account = document["import"]["rows"]
    assert account["read"] == 6_040 == account["used"] + sum(account["aside"].values())
    assert account["aside"] == {"repeated": 40}


def test_rows_that_contradict_themselves_are_left_out_by_conditions(imported: Imported) -> None:
    text = shapes.landing_page()
    agree = "pair=control old_page or pair=treatment new_page"
    lines = [line.split(",") for line in text.splitlines()[1:]]
    with_pair = "\n".join(",".join([*line, f"{line[2]} {line[3]}"]) for line in lines)
    document = imported(
        "user_id,timestamp,group,landing_page,converted,pair\n" + with_pair + "\n",
        *("--outcome", "converted=converted:share", "--where", agree),
    )
    wrong = sum((line[2] == "control") != (line[3] == "old_page") for line in lines)
    assert document["import"]["rows"]["aside"]["condition"] == wrong > 50


def test_a_donation_letter_split_one_to_two(imported: Imported) -> None:
    text = shapes.letter()
    document = imported(
        text,
        *("--outcome", "gave=gave:share", "--outcome", "donation=amount:amount"),
        *("--weights", "control=1,match=2", "--primary", "gave", "--map", "variant=treatment"),
    )
    rows = [line.split(",") for line in text.splitlines()[1:]]
    found = scorecard(document)
    for arm in ("control", "match"):
        mine = [row for row in rows if row[1] == arm]
        assert found["share_of_gave"][arm]["total"] == sum(row[2] == "1" for row in mine)
        assert found["amount_of_donation"][arm]["total"] == pytest.approx(sum(float(row[3]) for row in mine))
    (split,) = (check for check in document["result"]["health"] if check["check"] == "srm")
    assert split["status"] == "ok"


@pytest.mark.parametrize("named", [(), ("--unit", "participant")])
def test_repeated_measures_are_added_up_to_the_participant(imported: Imported, named: tuple[str, ...]) -> None:
    text = shapes.repeated_measures()
    document = imported(
        text,
        *("--outcome", "solved=solved:share", "--outcome", "points=points:count", "--map", "variant=condition"),
        *(named or ("--map", "unit=participant")),
    )
    rows = [line.split(",") for line in text.splitlines()[1:]]
    account = document["import"]["rows"]
    assert (account["added"], account["unit"], account["used"]) == (120 * 11, "participant", 120 * 12)
    found = scorecard(document)
    for arm in ("plain", "hints"):
        mine = [row for row in rows if row[1] == arm]
        assert found["count_of_points"][arm]["n"] == 60
        assert found["count_of_points"][arm]["total"] == sum(int(row[4]) for row in mine)
        assert found["share_of_solved"][arm]["total"] == len({row[0] for row in mine if row[3] == "1"})


def test_a_blocked_design_is_compared_within_its_blocks(imported: Imported) -> None:
    text = shapes.blocked()
    document = imported(text, "--outcome", "visits=visits:count", "--block", "village")
    (entry,) = document["result"]["metrics"]
    control, treated = entry["variants"]
    rows = [line.split(",") for line in text.splitlines()[1:]]
    assert (control["n"], treated["n"]) == (600, 600)
    counts = {arm: np.array([int(row[3]) for row in rows if row[2] == arm], float) for arm in ("control", "treated")}
    within = counts["treated"].reshape(60, 10)
    error = np.sqrt((within.var(axis=1, ddof=1) / 10 / 60**2).sum())
    width = treated["interval"]["high"] - treated["interval"]["low"]
    assert treated["mean"] == pytest.approx(within.mean(), rel=0.02)
    assert width / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert width < 0.5 * 2 * 1.96 * counts["treated"].std(ddof=1) / np.sqrt(600)
    assert len(entry["stratified"]["weights"]) == 60
    assert "60 blocks (village)" in entry["stratified"]["note"]
    lift = entry["comparisons"][0]["lift"]["interval"]
    assert 0.2 < lift["low"] < 0.3 < lift["high"]


def test_blocks_without_two_members_of_each_variant_are_named_as_not_adjusted_for(imported: Imported) -> None:
    document = imported(shapes.blocked(blocks=80, members=2), "--outcome", "visits=visits:count", "--block", "village")
    (entry,) = document["result"]["metrics"]
    assert entry["stratified"]["weights"] == [1.0]
    assert "not adjusted for blocks" in entry["stratified"]["note"]
