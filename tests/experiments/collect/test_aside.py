"""Events of bots and scanners are set aside: they change no figure, are counted by reason, and can be counted again."""

import random
from dataclasses import replace

import pytest

from experiments.catalogue.event_flags import BOT, EMAIL_CLICK, SCANNER
from experiments.catalogue.metrics import DAY_US, METRICS, metric
from experiments.collect import collect, statistics_by_day
from experiments.collect.attribution import Scope
from experiments.collect.engine import source
from experiments.storage.database import Database
from experiments.storage.tables import Event
from tests.audience import BEGAN_US, CUT_OFF_US, WINDOW_DAYS, Audience, make_audience, store_audience, store_experiment

SCOPE = Scope(1, 1, "test", "EUR", WINDOW_DAYS * DAY_US, CUT_OFF_US, ("a", "b", "c"))
SECOND = 1_000_000


def store(database: Database, audience: Audience) -> None:
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)


def found_in(database: Database, scope: Scope = SCOPE):
    return collect(source.source(database.url), scope, METRICS)


def figures(collected):
    document = collected.to_dict()
    document["quality"] = {**document["quality"], "set_aside": {}}
    return document


@pytest.mark.parametrize("flag", [BOT, SCANNER])
def test_flagged_events_change_no_figure(database, flag):
    audience = make_audience(3)
    audience.exposures = [row | {"bot": False} for row in audience.exposures]
    store(database, audience)
    before = found_in(database)
    days = range(12)
    by_day = statistics_by_day(source.source(database.url), SCOPE, metric("click_rate"), BEGAN_US, days)
    chance = random.Random(flag)
    with database.write() as session:
        for number, event in enumerate(chance.sample(audience.events, 200)):
            session.add(Event(**event | {"project_id": 1, "id": f"flagged-{number}", "flag": flag}))
    after = found_in(database)
    assert figures(after) == figures(before)
    assert statistics_by_day(source.source(database.url), SCOPE, metric("click_rate"), BEGAN_US, days) == by_day
    assert set(after.quality.set_aside) == {"bot" if flag == BOT else "scanner"}
    again = found_in(database, replace(SCOPE, count_bots=True))
    assert again.quality.set_aside == {}
    assert again.quality.events - before.quality.events == sum(after.quality.set_aside.values())


def test_members_who_are_bots_can_be_counted_again(database):
    audience = make_audience(4)
    bots = [row for row in audience.exposures if row["run_id"] == 1 and row["bot"] and row["origin"] == "randomised"]
    store(database, audience)
    without, with_bots = found_in(database), found_in(database, replace(SCOPE, count_bots=True))
    assert without.excluded["bots"] and with_bots.excluded["bots"] == 0
    assert 0 < with_bots.randomised - without.randomised <= len(bots)


CLICKS = [
    # seconds after the exposure and the link, then the reason of each click that is set aside
    ("opened and read", [(9, "x")], {}),
    ("at once", [(0.4, "x")], {"instant_click": 1}),
    ("every link", [(30, "x"), (30.5, "y"), (31.9, "z")], {"burst_click": 3}),
    ("two links", [(30, "x"), (31.5, "y")], {"burst_click": 2}),
    ("a double click", [(30, "x"), (30.3, "x")], {}),
    ("a double click without links", [(30, None), (30.3, None)], {}),
    ("three without links", [(30, None), (30.3, None), (30.5, None)], {"burst_click": 3}),
    ("two links, slowly", [(30, "x"), (33, "y")], {}),
    ("at once and later again", [(0.2, "x"), (60, "x")], {"instant_click": 1}),
]


@pytest.mark.parametrize(("clicks", "reasons"), [case[1:] for case in CLICKS], ids=[case[0] for case in CLICKS])
def test_clicks_in_an_email_that_no_person_makes_are_set_aside(database, clicks, reasons):
    at = BEGAN_US + DAY_US
    shown = {"run_id": 1, "variant": "a", "at_us": at, "received_us": at, "origin": "randomised", "epoch": 1}
    events = [
        {
            "id": str(number), "unit": "reader", "type": "click", "at_us": at + round(after * SECOND),
            "received_us": at + round(after * SECOND), "flag": EMAIL_CLICK,
            "properties": {"channel": "email", "link": link} if link else {"channel": "email"},
        }
        for number, (after, link) in enumerate(clicks)
    ]  # fmt: skip
    other = events[0] | {"id": "other", "unit": "another", "at_us": at + 31 * SECOND, "flag": None}
    exposures = [shown | {"unit": unit, "bot": False, "attributes": None} for unit in ("reader", "another")]
    store(database, Audience(exposures, [], [*events, other]))
    found = found_in(database)
    assert found.quality.set_aside == reasons
    assert found.quality.events == len(clicks) + 1 - sum(reasons.values())
    assert found.quality.early == 0
    assert found.randomised == 2
