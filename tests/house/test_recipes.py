"""Every recipe of CONTRIBUTING.md, followed with a toy addition in a copy of the tree, and found wherever it must show.

The copy gets all additions at once; `tests/house/probe.py` then looks at the pages, the API, OpenAPI, the exports
and the documents as a user would, in a process of its own.
"""

import json
from typing import Any

import pytest

from tests.house.house import House
from tests.house.toys import RECIPES
from tests.serving import ROOT

PROBE = ROOT / "tests" / "house" / "probe.py"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(tmp_path_factory.mktemp("house"))
    for _, follow in RECIPES:
        follow(made)
    return made


@pytest.fixture(scope="module")
def found(house: House) -> dict[str, Any]:
    """What the probe saw: texts by place."""
    return json.loads(house.run(str(PROBE)).splitlines()[-1])


def test_every_recipe_is_followed() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    headings = [line.removeprefix("### ") for line in contributing.splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(name for name, _ in RECIPES)


@pytest.mark.parametrize(
    "place", ["editor", "results page", "results", "summary", "members", "report", "openapi", "reference", "terminal"]
)
def test_a_metric_is_found(place: str, found: dict[str, Any]) -> None:
    assert "save_rate" in found[place] or "Save rate" in found[place], found[place][:2000]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("openapi", "negative, save, or a custom name"),
        ("reference", "The member saved the content."),
        ("import", "Counts saves"),
        ("editor", 'value="save"'),
    ],
)
def test_an_event_type_is_found(place: str, text: str, found: dict[str, Any]) -> None:
    assert text in found[place]


def test_events_of_the_new_type_are_accepted_and_their_values_checked(found: dict[str, Any]) -> None:
    assert found["accepted"] == {"accepted": 1, "duplicates": 0, "rejected": 1, "warnings": 0}


@pytest.mark.parametrize("place", ["results page", "results", "report"])
def test_a_health_check_is_found_with_its_sentence(place: str, found: dict[str, Any]) -> None:
    assert "members played with toys." in found[place]


def test_a_health_check_is_described(found: dict[str, Any]) -> None:
    assert '"toys"' in found["openapi"]


def test_a_posterior_model_is_fitted_and_found_with_its_prior(found: dict[str, Any]) -> None:
    results = json.loads(found["results"])
    entry = next(entry for entry in results["metrics"] if entry["metric"] == "toy_rate")
    assert (entry["model"], entry["prior"]["name"]) == ("toy", "toy")
    for row in entry["variants"]:
        assert row["mean"] == pytest.approx((5 + row["total"]) / (10 + row["n"]))
    assert "toy_rate" in found["posterior"] and ",toy," in found["summary"]
    assert "As many toys as other things." in found["results page"]
    assert "As many toys as other things." in found["report"]


def test_a_setting_is_read_checked_and_documented(house: House, found: dict[str, Any]) -> None:
    assert found["setting"] == 5
    assert "KLETTE_TOYS" in found["setting refused"] and "at most 9" in found["setting refused"]
    assert "| `KLETTE_TOYS` | `3` | Number of toys. |" in (house.folder / "docs" / "settings.md").read_text()


def test_a_language_is_used_on_pages_in_dates_and_in_the_report(found: dict[str, Any]) -> None:
    assert '<html lang="fr">' in found["language"] and "Se connecter" in found["language"]
    assert found["language day"] == "23 nov. 2026"
    assert '<html lang="fr">' in found["language report"]


def test_a_sampled_model_is_found_in_the_api_and_the_exports(found: dict[str, Any]) -> None:
    assert json.loads(found["results"])["toy_model"]["toys"] == 4.25
    assert "Toys of the toy model." in found["openapi"]
    assert "toy_count" in found["posterior"]


def test_a_sampled_model_is_announced_while_it_is_fitted(found: dict[str, Any]) -> None:
    assert "how many toys there are" in found["first results page"]


def test_a_section_is_found_on_the_page(found: dict[str, Any]) -> None:
    assert "Toy section" in found["results page"] and "2 variants" in found["results page"]


def test_a_page_is_found_and_in_the_navigation(found: dict[str, Any]) -> None:
    assert "All toys" in found["toys"] and 'href="/toys"' in found["toys"]


def test_a_protocol_assigns_and_is_described(found: dict[str, Any]) -> None:
    assert found["protocol"] in ("a", "b") and found["protocol exposed"]
    assert "/api/v1/toy/{experiment}/{unit}" in found["openapi"] and "/api/v1/toy/" in found["reference"]


def test_a_command_is_listed_and_runs(house: House) -> None:
    assert "Say hello." in house.run("-m", "experiments.commands.cli", "--help")
    assert house.run("-m", "experiments.commands.cli", "toy") == "Hello from a toy.\n"


def test_a_sentence_has_words(found: dict[str, Any]) -> None:
    assert found["sentence"] == "B “Toy” has 1,200 toys."
