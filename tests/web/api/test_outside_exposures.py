"""Exposures outside a run, and of an earlier run, reported over HTTP and analysed."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from analysis import HealthCheck
from analysis.messages import message
from experiments.analyses.run import analyse
from experiments.lifecycle import store
from experiments.lifecycle.editing import new_run
from experiments.lifecycle.transitions import archive, launch, ship, stop
from experiments.storage.tables import utc_now
from tests.web.api.calls import Api, make_experiment, make_key


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def report(api: Api, shown: dict[str, str], at: datetime | None = None, key: str = "spring") -> None:
    """Report exposures, with a server key, to the variant of each unit."""
    given = {} if at is None else {"at": iso(at)}
    events = [
        {"id": uuid4().hex, "unit": unit, "type": "exposure", "experiment": key, "properties": {"variant": variant}}
        | given
        for unit, variant in shown.items()
    ]
    answer = api.post("/api/v1/events", {"events": events}, key=make_key(api.database, "server")).json
    assert (answer["accepted"], answer["rejected"]) == (len(events), [])


def shown_now(api: Api, names: str, number: int) -> dict[str, str]:
    """The variant that the server assigns now, without an exposure."""
    units = [f"{names}{place}" for place in range(number)]
    return {unit: api.assign(unit, expose=False)["spring"]["variant"] for unit in units}


def set_run(api: Api, **moments: datetime) -> None:
    def change(session, experiment):
        run = store.current_run(session, experiment)
        for name, moment in moments.items():
            setattr(run, name, moment)
        session.add(run)
        store.touch(session)

    api.change(change)


def result(api: Api) -> dict:
    return analyse(api.database, "spring", with_models=False).result


def members(answer: dict) -> dict[str, int]:
    return {row["variant"]: row["n"] for row in answer["metrics"][0]["variants"]}


def checks(answer: dict) -> dict[str, HealthCheck]:
    return {check["check"]: HealthCheck.from_dict(check) for check in answer["health"]}


@pytest.mark.parametrize("endings", ["stop", "ship", "archive", "ends_at"])
def test_a_finished_run_stays_as_it_was_when_the_app_still_reports_exposures(api, endings):
    for unit in range(60):
        api.assign(f"x{unit}")
    if endings == "ends_at":
        api.change(lambda session, experiment: setattr(experiment, "ends_at", utc_now()) or store.touch(session))
    elif endings == "ship":
        api.change(ship, variant="b", actor="cli")
    else:
        api.change(stop, actor="cli")
    if endings == "archive":
        api.change(archive, actor="cli")
    before = result(api)
    report(api, {f"y{unit}": "b" for unit in range(40)})
    report(api, {f"x{unit}": "b" for unit in range(60)})  # members, who all see the shipped variant
    after = result(api)
    assert after["verdict"]["decision"] == before["verdict"]["decision"]
    assert members(after) == members(before) and sum(members(after).values()) == 60
    assert checks(after)["srm"] == checks(before)["srm"]
    assert before["units"]["excluded"] == {"multi_exposed": 0, "bots": 0}
    assert after["units"]["excluded"] == {"multi_exposed": 0, "bots": 0, "after_end": 40}
    assert "outside_run" not in checks(before)
    assert checks(after)["outside_run"].detail == message("health.outside_run.after", after=40)


def test_an_exposure_that_an_app_dates_ahead_of_the_end_makes_no_member(api):
    now = utc_now()
    shown = shown_now(api, "u", 20)
    report(api, shown, now + timedelta(seconds=30))
    report(api, shown_now(api, "v", 10), now + timedelta(milliseconds=1))
    api.change(stop, actor="cli", now=now + timedelta(seconds=2))
    answer = analyse(
        api.database, "spring", cut_off_us=round((now + timedelta(minutes=5)).timestamp() * 1e6), with_models=False
    ).result
    assert answer["units"]["randomised"] == 10
    assert answer["units"]["excluded"] == {"multi_exposed": 0, "bots": 0, "after_end": 20}


def test_an_exposure_before_the_launch_makes_no_member_until_a_later_one(api):
    started = utc_now() - timedelta(minutes=5)
    set_run(api, started_at=started)
    shown = shown_now(api, "u", 30)
    wrong = {unit: "b" if variant == "a" else "a" for unit, variant in shown.items()}
    report(api, wrong, started - timedelta(seconds=1))
    answer = result(api)
    assert answer["units"]["randomised"] == 0
    assert answer["units"]["excluded"] == {"multi_exposed": 0, "bots": 0, "before_start": 30}
    assert checks(answer)["outside_run"].status == "warn"
    report(api, shown, started)
    answer = result(api)
    assert answer["units"]["randomised"] == 30
    assert answer["units"]["excluded"] == {"multi_exposed": 0, "bots": 0}


def test_exposures_of_an_older_run_belong_to_it_by_its_seed_and_edges(api):
    set_run(api, started_at=utc_now() - timedelta(minutes=5))
    shown = shown_now(api, "r", 60)
    api.change(new_run, weights={"a": 0.7, "b": 0.3}, actor="cli")
    report(api, shown, utc_now() - timedelta(minutes=1))
    rows = dict(api.rows("SELECT unit, variant FROM exposure JOIN run ON run.id = run_id WHERE run.number = 1"))
    assert rows == shown
    assert api.rows("SELECT count(*) FROM exposure JOIN run ON run.id = run_id WHERE run.number = 2") == [(0,)]
    assert api.rows("SELECT count(*) FROM multi_exposure") == [(0,)]
    answer = result(api)
    assert (answer["run"], answer["units"]["randomised"], answer["verdict"]["decision"]) == (2, 0, "not_enough_data")
    # The same members are exposed in the new run, some of them to another variant.
    now = shown_now(api, "r", 60) | shown_now(api, "fresh", 20)
    for unit in now:
        api.assign(unit)
    answer = result(api)
    switched = sum(now[unit] != shown[unit] for unit in shown)
    assert answer["units"]["randomised"] == 80 and 10 < switched < 50
    assert checks(answer)["carry_over"].detail == message("health.carry_over.some", members=60, switched=switched)
    assert checks(answer)["carry_over"].status == "warn"


def test_a_run_begins_with_its_start_and_ends_before_its_end(api):
    begun, changed = utc_now() - timedelta(minutes=9), utc_now() - timedelta(minutes=4)
    set_run(api, started_at=begun)
    api.change(new_run, weights={"a": 0.7, "b": 0.3}, actor="cli", now=changed)
    api.change(stop, actor="cli", now=changed + timedelta(minutes=2))
    step = timedelta(microseconds=1)
    moments = [begun - step, begun, changed - step, changed, changed + timedelta(minutes=2) - step]
    for place, moment in enumerate([*moments, changed + timedelta(minutes=2)]):
        report(api, {f"u{place}": "a"}, moment)
    rows = api.rows("SELECT unit, run.number FROM exposure JOIN run ON run.id = run_id ORDER BY unit")
    assert rows == [("u1", 1), ("u2", 1), ("u3", 2), ("u4", 2)]
    rows = api.rows("SELECT unit, side, run.number FROM outside_exposure JOIN run ON run.id = run_id ORDER BY unit")
    assert rows == [("u0", "before", 1), ("u5", "after", 2)]


def test_an_experiment_that_never_ran_still_rejects_exposures(api):
    make_experiment(api.database, launched=False, key="draft")
    api.app.extensions["klette"].get().configuration.forget()
    event = {"id": "1", "unit": "u", "type": "exposure", "experiment": "draft"}
    assert [entry["code"] for entry in api.events(event)["rejected"]] == ["experiment_not_launched"]
    with api.database.write() as session:
        launch(session, store.get(session, "draft"), actor="cli")


def test_members_of_earlier_runs_can_be_excluded_when_the_weights_change(api):
    set_run(api, started_at=utc_now() - timedelta(minutes=5))
    for unit in range(30):
        api.assign(f"r{unit}")
    weights = [{"key": "a", "weight": 0.7}, {"key": "b", "weight": 0.3}]
    server = make_key(api.database, "server")

    def change(**fields):
        answer = api.client.patch(
            "/api/v1/experiments/spring", json=fields, headers={"Authorization": f"Bearer {server}"}
        )
        api.app.extensions["klette"].get().configuration.forget()
        return answer.status_code, answer.json

    assert change(members="new_only", variants=weights)[1]["members"] == "new_only"
    for unit in [*(f"r{number}" for number in range(20)), *(f"fresh{number}" for number in range(15))]:
        api.assign(unit)
    answer = result(api)
    assert answer["units"]["randomised"] == sum(members(answer).values()) == 15
    assert answer["units"]["excluded"] == {"multi_exposed": 0, "bots": 0, "carried_over": 20}
    assert checks(answer)["carry_over"].detail == message("health.carry_over.excluded", members=20)
    # A result that depends on it exists, so it can't change within the run.
    status, refused = change(members="all")
    assert (status, refused["code"], list(refused["fields"])) == (409, "frozen", ["members"])
    assert change(members="all", variants=[{"key": "a", "weight": 0.5}, {"key": "b", "weight": 0.5}])[0] == 200
    assert result(api)["units"]["excluded"] == {"multi_exposed": 0, "bots": 0}
