"""Look at a copy of the project as its users do, and print what each place shows as one line of JSON.

Run by `tests/house/test_recipes.py` in a copy with the toy additions.
"""

import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import h5netcdf
from click.testing import CliRunner
from flask.testing import FlaskClient

from analysis.messages import message
from experiments.analyses.run import analyse
from experiments.commands.cli import main
from experiments.errors import SettingsError
from experiments.exporting import report
from experiments.exporting.source import newest
from experiments.reporting.numbers import day
from experiments.reporting.sentences.wording import Wording
from experiments.settings import read_settings, settings
from experiments.storage.database import Database
from experiments.storage.schema import migrate
from experiments.translation import speaking
from tests.web.api.calls import make_experiment, make_key
from tests.web.pages.results.stored import logged_in
from web import create_app

MEMBERS = 200


def look() -> dict[str, Any]:
    """Return what each place shows."""
    chosen = settings()
    database = Database(chosen.url)
    migrate(database)
    make_experiment(database, metrics=["click_rate", "save_rate", "toy_rate"], segments=[])
    server, client_key = make_key(database, "server"), make_key(database)
    app = create_app(chosen)
    found: dict[str, Any] = {}
    api = app.test_client()
    headers = {"Authorization": f"Bearer {server}"}

    def get(path: str) -> str:
        return api.get(path, headers=headers).get_data(as_text=True)

    def log(*events: dict[str, Any]) -> dict[str, Any]:
        return api.post("/api/v1/events", json={"events": list(events)}, headers=headers).get_json()

    for number in range(MEMBERS):
        api.post("/api/v1/assign", json={"unit": f"u-{number}"}, headers=headers)
    log(*({"id": f"s-{n}", "unit": f"u-{n}", "type": "save"} for n in range(0, MEMBERS, 3)))
    tried = log(
        {"id": "one", "unit": "u-1", "type": "save"}, {"id": "two", "unit": "u-2", "type": "save", "value": "x"}
    )
    found["accepted"] = {name: len(part) if isinstance(part, list) else part for name, part in tried.items()}
    shown = api.get("/api/v1/toy/spring/toy-unit", headers={"Authorization": f"Bearer {client_key}"})
    found["protocol"] = shown.get_json()["variant"]
    again = api.get("/api/v1/assign/spring?unit=toy-unit", headers=headers)
    found["protocol exposed"] = again.get_json()["exposed"]
    person = logged_in(app)
    analyse(database, "spring", with_models=False)
    found["first results page"] = person.get("/experiments/spring").get_data(as_text=True)
    analyse(database, "spring")
    found["results"] = get("/api/v1/experiments/spring/results")
    found["summary"] = get("/api/v1/experiments/spring/results?format=csv")
    found["members"] = get("/api/v1/experiments/spring/units.csv")
    found["openapi"] = json.dumps(api.get("/openapi.json").get_json())
    found["reference"] = api.get("/docs").get_data(as_text=True)
    pages = {
        "editor": "/experiments/new",
        "results page": "/experiments/spring",
        "report": "/experiments/spring/report.html",
        "toys": "/toys",
    }
    for name, path in pages.items():
        found[name] = person.get(path).get_data(as_text=True)
    found["import"] = _import_page(person)
    found["terminal"] = CliRunner().invoke(main, ["analyse", "spring"]).output
    posterior = chosen.data_dir / "posterior.nc"
    CliRunner().invoke(main, ["export", "spring", "--posterior", str(posterior)], catch_exceptions=False)
    with h5netcdf.File(posterior, "r") as file:
        found["posterior"] = list(file.groups["posterior"].variables)
    found["setting"] = read_settings(toys=5).toys  # type: ignore[attr-defined]  # a toy
    try:
        read_settings(toys=10)
    except SettingsError as error:
        found["setting refused"] = error.detail
    french = create_app(chosen.model_copy(update={"language": "fr"}))
    found["language"] = french.test_client().get("/login", follow_redirects=True).get_data(as_text=True)
    with speaking("fr"):
        found["language day"] = day(datetime(2026, 11, 23, tzinfo=UTC))
        with database.read() as session:
            found["language report"] = report.rendered(newest(session, "spring"))
    french.extensions["klette"].close()
    words = Wording(variants={"b": "B “Toy”"})
    found["sentence"] = words.text(message("note.toy", variant="b", members=1200))
    app.extensions["klette"].close()
    database.close()
    return found


def _import_page(person: FlaskClient) -> str:
    """The page that asks what an uploaded file's columns hold."""
    token = re.search(r'X-CSRFToken": "([^"]+)"', person.get("/import").get_data(as_text=True))
    assert token is not None
    rows = b"unit,variant,saves\n1,a,2\n2,b,0\n"
    upload = {"kind": "members", "members_file": (io.BytesIO(rows), "members.csv"), "csrf_token": token[1]}
    sent = person.post("/import", data=upload, content_type="multipart/form-data", follow_redirects=True)
    return sent.get_data(as_text=True)


if __name__ == "__main__":
    print(json.dumps(look()))
