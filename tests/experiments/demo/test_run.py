"""The example: simulated through the real API, marked as simulated, and analysed close to its true values."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from sqlmodel import func, select

from experiments.analyses.run import analyse
from experiments.definition.model import read_definition
from experiments.demo import backdating, campaign, world
from experiments.demo.run import make
from experiments.demo.server import client_of
from experiments.errors import ConflictError, InvalidError, UnavailableError
from experiments.jobs.foreground import analyse_now, reserve
from experiments.lifecycle import store
from experiments.people import api_keys
from experiments.settings import Settings, read_settings
from experiments.storage.database import Database
from experiments.storage.tables import Analysis, ApiKey, Event, Exposure, Job, MultiExposure, Run
from tests.serving import ROOT, free_port
from web import create_app

MEMBERS = 600


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database: Database, tmp_path) -> Settings:
    """Those of a copy whose server does not run."""
    return read_settings(data_dir=tmp_path, database_url=database.url, port=free_port())


@contextmanager
def in_this_process(settings: Settings) -> Iterator[httpx.Client]:
    """A client of the application itself, without a server."""
    app = create_app(settings)
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://klette.local") as client:
        yield client
    app.extensions["klette"].close()


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    with in_this_process(settings) as client:
        yield client


def test_the_audience_is_simulated_through_the_api_over_two_weeks(
    database: Database, settings: Settings, client: httpx.Client
) -> None:
    fractions: list[float] = []
    made = make(database, settings, client, members=MEMBERS, report=lambda fraction, _: fractions.append(fraction))

    assert (made.key, made.members) == ("spring-headline", MEMBERS)
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    with database.read() as session:
        stored = store.get(session, made.key)
        run = store.current_run(session, stored)
        exposures = session.exec(select(Exposure)).all()
        events = session.exec(select(Event)).all()
        assert session.exec(select(MultiExposure)).first() is None
        key = session.exec(select(ApiKey)).one()
    assert (stored.state, stored.simulated, stored.imported) == ("running", True, False)
    assert len(exposures) == MEMBERS
    assert len(events) == made.events
    now = datetime.now(UTC)
    begin = now - timedelta(days=campaign.DAYS)
    assert abs(run.started_at - begin) < timedelta(minutes=5)
    times = [row.at_us / 1e6 for row in (*exposures, *events)]
    assert (run.started_at - timedelta(hours=1)).timestamp() < min(times) and max(times) <= now.timestamp()
    assert {row.attributes["channel"] for row in exposures} == set(world.CHANNELS)
    assert {"exposure", "click", "dwell", "view", "share", "purchase"} <= {row.type for row in events}
    assert key.revoked_at is not None


def test_a_second_call_finds_the_example_and_again_creates_another(
    database: Database, settings: Settings, client: httpx.Client
) -> None:
    first = make(database, settings, client, members=30)
    assert make(database, settings, client, members=30).members == 0
    another = make(database, settings, client, members=30, again=True)
    assert (first.key, another.key, another.name) == ("spring-headline", "spring-headline-2", "Spring headline 2")
    with database.read() as session:
        units = session.exec(select(Exposure.unit)).all()
    assert len(set(units)) == 60


def test_an_interrupted_call_is_resumed(database, settings, client, monkeypatch) -> None:
    from experiments.demo import run
    from experiments.demo.api import Api

    log, calls = Api.log, []

    def break_off(self: Api, events: list) -> None:
        if calls:
            raise UnavailableError("the server went away")
        calls.append(log(self, events))

    monkeypatch.setattr(run, "_BATCH", 200)
    monkeypatch.setattr(Api, "log", break_off)
    with pytest.raises(UnavailableError):
        make(database, settings, client, members=MEMBERS)
    monkeypatch.setattr(Api, "log", log)
    made = make(database, settings, client, members=MEMBERS)
    with database.read() as session:
        assert session.exec(select(func.count()).select_from(Event)).one() == made.events
        assert session.exec(select(func.count()).select_from(Exposure)).one() == MEMBERS
        assert session.exec(select(func.count()).select_from(Run)).one() == 1


def test_the_intervals_cover_the_true_values_of_mature_members(
    database: Database, settings: Settings, client: httpx.Client, monkeypatch
) -> None:
    """Seeded; wide (5 standard errors) because 30 intervals are looked at and the split itself is random."""
    monkeypatch.setattr(campaign, "DAYS", 14.0)
    real = world.members

    def earlier(key: str, count: int, seed: int, *, until: datetime, days: float, zone: str):
        last = until - timedelta(days=campaign.WINDOW_DAYS)
        return real(key, count, seed, until=last, days=days - campaign.WINDOW_DAYS, zone=zone)

    monkeypatch.setattr(world, "members", earlier)
    make(database, settings, client, members=3_000)
    result = analyse(database, "spring-headline", with_models=False).result
    looked_at = 0
    for metric in result["metrics"]:
        for row in metric["variants"]:
            expected = world.truth(row["variant"]).get(metric["metric"])
            if expected is None:
                continue
            half = (row["interval"]["high"] - row["interval"]["low"]) / 2
            assert abs(row["mean"] - expected) < 5 / 1.96 * half, (metric["metric"], row["variant"])
            looked_at += 1
    assert looked_at == 3 * 7
    assert result["units"]["randomised"] == 3_000
    assert {check["check"]: check["status"] for check in result["health"]}["srm"] == "ok"
    assert {check["check"]: check["status"] for check in result["health"]}["late_events"] == "ok"


def test_the_worker_waits_until_the_audience_is_complete(
    database: Database, settings: Settings, client: httpx.Client
) -> None:
    from experiments.jobs.schedule import due_experiments

    made = make(database, settings, client, members=MEMBERS, created=partial(reserve, requested_by="demo"))
    with database.read() as session:
        assert due_experiments(session, settings) == []
        assert session.exec(select(Job)).one().state == "due"
    answered = analyse_now(database, made.key, report=lambda *_: None)
    with database.read() as session:
        job = session.exec(select(Job)).one()
        past = session.exec(select(func.count()).select_from(Analysis).where(Analysis.history_only)).one()
    assert (job.state, job.result) == ("done", {"analysis": answered.id})
    assert past >= 12  # the curve has its fortnight


def test_only_a_simulated_experiment_can_start_in_the_past(database: Database) -> None:
    raw = campaign.definition("real", address="https://shop.example", currency="EUR")
    with database.write() as session:
        real = store.create(session, read_definition(raw), actor="test")
        run = store.start_run(session, real)
        with pytest.raises(ConflictError, match="not a simulated experiment"):
            backdating.backdate(session, real, run, run.started_at - timedelta(days=1))
        with pytest.raises(ConflictError, match="not a simulated experiment"):
            backdating.settle(session, real)
        simulated_raw = campaign.definition("simulated", address="https://shop.example", currency="EUR")
        simulated = store.create(session, read_definition(simulated_raw), actor="test", simulated=True)
        with pytest.raises(ConflictError, match="does not belong to simulated"):
            backdating.backdate(session, simulated, run, run.started_at - timedelta(days=1))
        own = store.start_run(session, simulated)
        with pytest.raises(ConflictError, match="more than 30 days"):
            backdating.backdate(session, simulated, own, own.started_at - timedelta(days=31))


def test_a_real_experiment_with_the_same_key_is_kept(
    database: Database, settings: Settings, client: httpx.Client
) -> None:
    raw = campaign.definition(campaign.KEY, address="https://shop.example", currency="EUR")
    with database.write() as session:
        store.create(session, read_definition(raw), actor="test")
    assert make(database, settings, client, members=30).key == "spring-headline-2"


@pytest.mark.parametrize(
    ("address", "folder"),
    [("http://127.0.0.1:8000", "/static/demo"), ("https://shop.example/klette", "/klette/static/demo")],
)
def test_the_images_are_served_on_any_port(address: str, folder: str) -> None:
    example = read_definition(campaign.definition("spring", address=address, currency="EUR"))
    pictures = [variant.content.image_url for variant in example.variants]
    assert pictures == [f"{folder}/{name}.svg" for name in ("colours", "people", "offer")]
    assert all((ROOT / "web/static/demo" / picture.rpartition("/")[2]).exists() for picture in pictures)


def test_an_invalid_number_and_a_wrong_address_are_refused(
    database: Database, settings: Settings, client: httpx.Client
) -> None:
    with pytest.raises(InvalidError, match="30 to 1,000,000"):
        make(database, settings, client, members=1)
    with pytest.raises(UnavailableError, match="No server answers at"), client_of(settings, "http://127.0.0.1:1"):
        pass
    with database.read() as session:
        assert api_keys.list_keys(session) == []
        assert store.listing(session) == []


def test_the_worker_creates_and_analyses_the_example_and_adds_the_segments(database, settings, monkeypatch) -> None:
    from experiments.jobs import demo, queue
    from experiments.jobs.worker import Stopping, perform

    monkeypatch.setattr(demo, "settings", lambda: settings)
    with database.write() as session:
        number = queue.enqueue(session, "demo", payload={"members": 300}, requested_by="page:anna@shop.example").id
    claimed = queue.claim(database, "tester", 60)
    perform(database, claimed, 60, Stopping())
    with database.read() as session:
        done = queue.get(session, number)
        waiting = session.exec(select(Job).where(Job.state == "due")).all()
        answers = session.exec(select(Analysis).where(Analysis.history_only.is_(False))).all()
    assert (done.state, done.result) == ("done", {"experiment": "spring-headline"})
    assert done.message.startswith("300 simulated members over the last two weeks")
    assert len(answers) == 1
    assert [(job.kind, job.requested_by) for job in waiting] == [("analyse", "demo")]


def test_the_example_works_on_postgresql(postgres_url: str, tmp_path) -> None:
    opened = Database(postgres_url)
    settings = read_settings(data_dir=tmp_path, database_url=postgres_url, port=free_port())
    with in_this_process(settings) as client:
        made = make(opened, settings, client, members=300)
    with opened.read() as session:
        events = session.exec(select(Event)).all()
        assert session.exec(select(func.count()).select_from(Exposure)).one() == 300
    opened.close()
    assert len(events) == made.events
    assert all(event.received_us == event.at_us for event in events)


def test_a_temporary_server_runs_if_there_is_none(database, settings) -> None:
    with client_of(settings) as client:
        address = str(client.base_url)
        assert make(database, settings, client, members=30).members == 30
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/healthz", trust_env=False)
    with database.read() as session:
        assert session.exec(select(func.count()).select_from(Exposure)).one() == 30


def test_a_server_that_does_not_start_is_reported_with_its_last_line(tmp_path) -> None:
    broken = read_settings(data_dir=tmp_path, database_url="sqlite:////proc/none/klette.sqlite", port=free_port())
    with pytest.raises(UnavailableError, match="did not start.*KLETTE_DATABASE_URL"), client_of(broken):
        pass
