"""The report of an analysis as one HTML file to take along; it renders what is stored and computes nothing."""

from flask import Blueprint, Response

from experiments.exporting import report
from experiments.exporting.source import newest
from web.http.services import services

blueprint = Blueprint("report", __name__)


@blueprint.get("/experiments/<key>/report.html")
def download(key: str) -> Response:
    """Verdict, health, figures and charts of the newest analysis, as a file: it carries its own styles."""
    zone = services().settings.time_zone
    with services().database.read() as session:
        stored = newest(session, key, zone=zone)
    heading = stored.answer.heading
    name = f"{heading.experiment}-run-{heading.run}.html"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(report.rendered(stored, zone), mimetype="text/html", headers=headers)
