"""A stored experiment with its analyses, for tests that ask the pages over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from experiments.assignment.exposure import ExposureRow
from experiments.definition.model import ExperimentDefinition
from experiments.ingestion.exposures import bulk_insert
from experiments.lifecycle import store, transitions
from experiments.people import accounts
from experiments.settings import read_settings
from experiments.storage.tables import Analysis, utc_now
from tests.experiments.analyses.documents import RATES, inputs
from tests.web.pages.results import fixtures
from tests.web.pages.results.stored_form import stored_form
from web import create_app
from web.http.services import Services
from web.pages.common.access import person_of

KEY = "spring-headline"
PASSWORD = "correct horse battery"


def app_on(url: str, tmp_path: Any, language: str = "en") -> Flask:
    """The application on a migrated database."""
    settings = read_settings(database_url=url, data_dir=tmp_path, time_zone="Europe/Berlin", language=language)
    app = create_app(settings)
    app.testing = True
    return app


def services_of(app: Flask) -> Services:
    """What the application's process shares."""
    return app.extensions["klette"].get()


def logged_in(app: Flask, role: str = "marketer") -> FlaskClient:
    """A client with a session of a new account."""
    with services_of(app).database.write() as session:
        account = accounts.create_account(session, email=f"{role}@example.org", role=role, password=PASSWORD)
        session.flush()
        number = person_of(account).get_id()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = number, True
    return client


def experiment(app: Flask, *, days: float = 8.01, launched: bool = True, **changes: Any) -> None:
    """The spring headline, running for so many days."""
    definition = {
        "key": KEY,
        "name": "Spring headline",
        "variants": [
            {"key": key, "name": headline, "control": key == "a", "weight": 1 / 3, "content": {"headline": headline}}
            for key, headline in fixtures.HEADLINES.items()
        ],
        "metrics": ["share_rate", "purchase_rate", "revenue"],
        "segments": ["country"],
        "planned_days": 14,
    } | changes
    with services_of(app).database.write() as session:
        made = store.create(session, ExperimentDefinition.model_validate(definition), actor="cli")
        if launched:
            transitions.launch(session, made, actor="cli", now=utc_now() - timedelta(days=days))


def expose(app: Flask, number: int = 3, *, at: datetime | None = None) -> None:
    """Let some members meet the newest run."""
    moment = int((at or utc_now()).timestamp() * 1_000_000)
    with services_of(app).database.write() as session:
        run = store.current_run(session, store.get(session, KEY))
        rows = [
            ExposureRow(1, run.id, f"m-{moment}-{i}", "abc"[i % 3], moment, moment, "randomised", 1, False, None)
            for i in range(number)
        ]
        bulk_insert(session, rows)


def analyse(
    app: Flask, result: dict[str, Any] | None = None, *, identity: str = "1", at: datetime | None = None
) -> None:
    """Store an analysis of the newest run as the worker would."""
    cut_off = at or utc_now()
    result = dict(result or fixtures.stored_result())
    result["analysis"] = f"019ab0c4-0000-7000-8000-{int(identity):012d}"
    result["cut_off"] = result["created_at"] = cut_off.isoformat().replace("+00:00", "Z")
    densities = {
        entry["metric"]: {
            row["variant"]: row["lift_density"] for row in entry["comparisons"] if row.get("lift_density")
        }
        for entry in result["metrics"]
    }
    with services_of(app).database.write() as session:
        found = store.get(session, KEY)
        run = store.current_run(session, found)
        session.add(
            Analysis(
                id=result["analysis"],
                experiment_id=found.id,
                run_id=run.id,
                cut_off_us=int(cut_off.timestamp() * 1_000_000),
                decision=result["verdict"]["decision"],
                result=stored_form(result),
                inputs=inputs({"click_rate": RATES}, names=fixtures.called()).to_dict(),
                drawing={"densities": densities},
            )
        )


def with_past(app: Flask, result: dict[str, Any] | None = None, **named: Any) -> None:
    """An analysis with a week of earlier ones behind it, so that the curve over time has something to draw."""
    now, past = utc_now(), fixtures.stored_result()
    for day in range(7, 0, -1):
        analyse(app, past, identity=str(10 - day), at=now - timedelta(days=day))
    analyse(app, result, identity="10", at=now, **named)
