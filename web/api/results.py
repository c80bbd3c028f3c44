"""Results over HTTP: stored analyses, requests for new ones, and the members they are based on."""

import tempfile
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from experiments.analyses import records
from experiments.errors import ConflictError, NotFoundError
from experiments.jobs import queue
from experiments.lifecycle import store
from experiments.reporting import readings
from experiments.reporting.table import to_csv
from experiments.reporting.worded import Reading
from experiments.storage.tables import Job
from experiments.validation import validated
from web.api.auth import actor, experiment_of, require_key
from web.api.schemas.results import AnalysesQuery, AnalysisList, JobAnswer, Results, ResultsQuery, in_order
from web.apidocs.openapi import documented
from web.http.services import services

blueprint = Blueprint("api_results", __name__, url_prefix="/api/v1/experiments")

TAG = "Results"
_PIECE = 65_536


@blueprint.get("/<experiment>/results")
@documented(tag=TAG, query=ResultsQuery, answers={200: Results}, problems=(404, 422), other_content=("text/csv",))
@require_key("server")
def get_results(experiment: str) -> Response:
    """Retrieve the latest analysis.

    Returns the analysis of the latest run, or of the run given by its number. While there is none, the response is 404
    with the code no_analysis; request an analysis with POST .../analyse.
    """
    query = validated(ResultsQuery, request.args.to_dict(), what="The query")
    with services().database.read() as session:
        found = experiment_of(session, experiment)
        run = records.run_of(session, found, query.run) if query.run else None
        reading = readings.latest(session, found, run)
    if reading is None:
        raise NotFoundError(readings.no_analysis(experiment), code="no_analysis")
    reading = reading.mature_only() if query.mature else reading
    if query.format == "csv":
        return Response(to_csv(reading), mimetype="text/csv", headers=_attachment(f"{experiment}-results.csv"))
    return jsonify(in_order(reading.document))


@blueprint.get("/<experiment>/analyses/<analysis>")
@documented(tag=TAG, answers={200: Results}, problems=(404,))
@require_key("server")
def get_analysis(experiment: str, analysis: str) -> Response:
    """Retrieve a stored analysis.

    Returns the result as it was when the analysis finished.
    """
    with services().database.read() as session:
        stored = records.by_id(session, experiment_of(session, experiment), analysis[:64])
    return jsonify(in_order(Reading.of(stored).document))


@blueprint.post("/<experiment>/analyse")
@documented(tag=TAG, answers={202: JobAnswer}, problems=(404, 409))
@require_key("server")
def ask_for_analysis(experiment: str) -> tuple[Response, int, dict[str, str]]:
    """Request an analysis.

    If an analysis is already queued, the response describes that one. Poll status_url until the state is done or
    failed.
    """
    with services().database.write() as session:
        found = experiment_of(session, experiment)
        if store.current_run(session, found) is None:
            raise ConflictError(
                f"{experiment} is {found.state} and has never run, so there is nothing to analyse; launch it first.",
                code="never_run",
            )
        answer = _job(queue.enqueue(session, "analyse", experiment=found, requested_by=actor()), experiment)
    return jsonify(answer), 202, {"Location": answer["status_url"], "Retry-After": "2"}


@blueprint.get("/<experiment>/analyse/<int:job>")
@documented(tag=TAG, answers={200: JobAnswer}, problems=(404,))
@require_key("server")
def get_analysis_job(experiment: str, job: int) -> Response:
    """Retrieve the status of a requested analysis."""
    with services().database.read() as session:
        found = experiment_of(session, experiment)
        wanted = session.get(Job, job)
        if wanted is None or wanted.experiment_id != found.id or wanted.kind != "analyse":
            raise NotFoundError(
                f"{experiment} has no analysis job {job}; use the status_url that POST answered.", code="job_unknown"
            )
        return jsonify(_job(wanted, experiment))


@blueprint.get("/<experiment>/analyses")
@documented(tag=TAG, query=AnalysesQuery, answers={200: AnalysisList}, problems=(404, 422))
@require_key("server")
def list_analyses(experiment: str) -> Response:
    """List stored analyses, newest first."""
    query = validated(AnalysesQuery, request.args.to_dict(), what="The query")
    with services().database.read() as session:
        found = readings.list_analyses(
            session, experiment_of(session, experiment), limit=query.limit + 1, before=query.before, run=query.run
        )
    shown, more = found[: query.limit], len(found) > query.limit
    given = {"run": query.run} if query.run else {}
    rest = urlencode({"limit": query.limit, **given, "before": shown[-1]["analysis"]}) if more else ""
    return jsonify(analyses=shown, next=f"/api/v1/experiments/{experiment}/analyses?{rest}" if more else None)


@blueprint.get("/<experiment>/units.csv")
@documented(tag=TAG, answers={200: None}, problems=(404, 409), other_content=("text/csv",))
@require_key("server")
def members_as_csv(experiment: str) -> Response:
    """Export the members of the latest analysis as CSV.

    One row per randomised member with the counted values, from which the results are computed.
    """
    from experiments.exporting import members  # Ibis takes a second to import; few processes export

    with services().database.read() as session:
        table = members.member_table(session, services().settings.url, experiment_of(session, experiment))
    return Response(members.to_csv(table), mimetype="text/csv", headers=_attachment(f"{experiment}-units.csv"))


@blueprint.get("/<experiment>/units.parquet")
@documented(tag=TAG, answers={200: None}, problems=(404, 409), other_content=("application/vnd.apache.parquet",))
@require_key("server")
def members_as_parquet(experiment: str) -> Response:
    """Export the members of the latest analysis as Parquet.

    The same table as units.csv.
    """
    from experiments.exporting import members

    with services().database.read() as session:
        table = members.member_table(session, services().settings.url, experiment_of(session, experiment))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when its last piece is sent
    members.to_parquet(table, file)
    file.seek(0)
    headers = _attachment(f"{experiment}-units.parquet")
    return Response(_pieces(file), mimetype="application/vnd.apache.parquet", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _job(job: Job, experiment: str) -> dict[str, Any]:
    return {
        "job": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "message": job.message,
        "analysis": (job.result or {}).get("analysis"),
        "status_url": f"/api/v1/experiments/{experiment}/analyse/{job.id}",
    }
