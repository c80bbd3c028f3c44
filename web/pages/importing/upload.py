"""The import of a finished experiment: upload, the roles of columns, progress; and the example."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import LargeBinary, delete, func, select
from sqlmodel import Session, col
from werkzeug.datastructures import FileStorage

from experiments.catalogue.currencies import CURRENCIES
from experiments.catalogue.metrics import METRICS
from experiments.catalogue.sums import TOTALS
from experiments.errors import InvalidError, KletteError, NotFoundError, TooLargeError
from experiments.importing import Source, preview
from experiments.importing.columns import key_of, name_of
from experiments.jobs import queue
from experiments.reporting.numbers import count
from experiments.storage.tables import Job, Upload, utc_now
from experiments.translation import gettext
from web.http.services import services
from web.pages.common.access import actor, changes, htmx
from web.pages.importing.columns import columns, options, read_form, successes_mean
from web.pages.importing.examples import EXAMPLES

blueprint = Blueprint("importing", __name__)

_KINDS = ("members", "counts")
_PREVIEW_BYTES = 1_048_576
_PREVIEW_ROWS = 200  # enough for suggestions; the page shows the first few
_FORGET_AFTER = timedelta(days=1)  # files whose import was abandoned


@blueprint.get("/import")
@changes
def index() -> ResponseReturnValue:
    """Show the upload forms."""
    return _index_page({})


@blueprint.get("/import/example/<name>.csv")
@changes
def example(name: str) -> ResponseReturnValue:
    """Download an example file."""
    if name not in EXAMPLES:
        message = gettext("There is no example {name!r}. Choose one of {names}.")
        raise NotFoundError(message.format(name=name, names=", ".join(EXAMPLES)))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(EXAMPLES[name], mimetype="text/csv", headers=headers)


@blueprint.post("/import")
@changes
def upload() -> ResponseReturnValue:
    """Store uploaded files, and go on to their columns."""
    kind = _kind(request.form.get("kind", ""))
    field = f"{kind}_file"
    file, events = request.files.get(field), request.files.get("events_file")
    if file is None or not file.filename:
        return _index_page({field: gettext("Choose a file.")}), 422
    errors: dict[str, str] = {}
    rows: dict[str, Upload] = {}
    for name, handed in ((field, file), ("events_file", events)):
        if handed is not None and handed.filename:
            row = Upload(name=Path(handed.filename).name[:255], content=_content(handed))
            try:
                preview(Source(row.name, content=row.content), rows=_PREVIEW_ROWS)
            except KletteError as error:
                errors[name] = error.detail
            rows[name] = row
    if errors:
        return _index_page(errors), 422
    with services().database.write() as session:
        session.execute(delete(Upload).where(col(Upload.created_at) < utc_now() - _FORGET_AFTER))
        session.add_all(rows.values())
        session.flush()
        ids = {name: row.id for name, row in rows.items()}
    return redirect(url_for("importing.map_columns", upload_id=ids[field], kind=kind, events=ids.get("events_file")))


@blueprint.route("/import/<int:upload_id>", methods=["GET", "POST"])
@changes
def map_columns(upload_id: int) -> ResponseReturnValue:
    """Show the columns with their roles, then start the import."""
    kind = _kind(request.args.get("kind", "members"))
    events_id = request.args.get("events", type=int)
    tried = _tried(request.args.get("job", type=int), upload_id) if request.method == "GET" else None
    chosen = tried.payload.get("form", {}) if tried else request.form
    name, main = _columns(upload_id, kind, chosen)
    events_name, events = _columns(events_id, "events", chosen) if events_id else ("", None)
    errors = _faults(tried) if tried else {}
    if request.method == "POST":
        try:
            plan = read_form(kind, request.form, main, events, zone=_zone(request.form))
            return redirect(url_for("importing.follow", job_id=_enqueue(plan, upload_id, events_id)))
        except KletteError as error:
            errors = error.fields or {"": error.detail}
    form = chosen or _beginning(name, main)
    page = render_template(
        "importing/columns.html",
        kind=kind,
        files=[(kind, name, main), *([("events", events_name, events)] if events else [])],
        roles={file_kind: options(file_kind) for file_kind in (kind, "events")},
        form=form,
        errors=errors,
        currencies=[(code, code) for code in sorted(CURRENCIES)],
        currency=services().settings.currency,
        time_zone=_zone(form),
        metric_options=[
            ("", gettext("The first metric in the file")),
            *(
                (metric.key, gettext(metric.name))
                for metric in METRICS
                if metric.decides and (kind == "members" or metric.kind in TOTALS)
            ),
        ],
        success_options=[
            ("", gettext("Choose a metric")),
            *((metric.key, gettext(metric.name)) for metric in METRICS if metric.kind in TOTALS),
        ],
        where_options=[("", gettext("All rows")), *((column.name, column.name) for column in main)],
    )
    return page, 422 if errors and not tried else 200


@blueprint.get("/import/jobs/<int:job_id>")
@changes
def follow(job_id: int) -> ResponseReturnValue:
    """Show the progress of an import or of the example."""
    with services().database.read() as session:
        job = queue.get(session, job_id)
        back = _way_back(session, job)
    if job.kind not in ("import", "demo"):
        message = gettext("Job {id} is not an import. See the page of its experiment.")
        raise NotFoundError(message.format(id=job_id))
    template = "importing/progress.html" if htmx else "importing/job.html"
    waiting = job.state in ("due", "running")
    return render_template(template, job=job, result=job.result or {}, waiting=waiting, back=back)


@blueprint.post("/demo")
@changes
def demo() -> ResponseReturnValue:
    """Start the example, or show the one that is being created."""
    with services().database.write() as session:
        going = select(Job).where(col(Job.kind) == "demo", col(Job.state).in_(("due", "running")))
        job = session.scalars(going).first() or queue.enqueue(session, "demo", requested_by=actor())
        job_id = job.id
    return redirect(url_for("importing.follow", job_id=job_id))


def _kind(kind: str) -> str:
    if kind not in _KINDS:
        message = gettext("{kind!r} is not a kind of file. Choose one of {kinds}.")
        raise InvalidError(message.format(kind=kind, kinds=", ".join(_KINDS)))
    return kind


def _zone(form: Mapping[str, str]) -> str:
    """Return the form's time zone if it is one, else the project's."""
    asked = form.get("time_zone", "").strip()
    return asked if asked in available_timezones() else services().settings.time_zone


def _beginning(file_name: str, main: list[Any]) -> dict[str, str]:
    return {"key": key_of(file_name), "name": name_of(file_name), "success_metric": successes_mean(main)}


def _index_page(errors: dict[str, str]) -> str:
    most = services().settings.max_upload_bytes
    return render_template("importing/upload.html", examples=EXAMPLES, errors=errors, most_megabytes=most / 1_048_576)


def _content(file: FileStorage) -> bytes:
    most = services().settings.max_upload_bytes
    content = file.stream.read(most + 1)
    if len(content) > most:
        message = gettext("{file} is larger than {most} bytes. Compress it with gzip, or use klette import.")
        raise TooLargeError(message.format(file=file.filename, most=count(most)))
    return content


def _way_back(session: Session, job: Job) -> str:
    """Return the address of the form of a failed import; "" if its files were deleted."""
    upload_id, events_id = job.payload.get("upload"), job.payload.get("events_upload")
    files = [file for file in (upload_id, events_id) if file]
    kept = session.scalar(select(func.count()).select_from(Upload).where(col(Upload.id).in_(files)))
    if job.kind != "import" or job.state != "failed" or not files or kept != len(files):
        return ""
    kind = job.payload["plan"]["kind"]
    return url_for("importing.map_columns", upload_id=upload_id, kind=kind, events=events_id, job=job.id)


def _tried(job_id: int | None, upload_id: int) -> Job | None:
    """Return the failed import of this file that the person comes back from."""
    if job_id is None:
        return None
    with services().database.read() as session:
        job = queue.get(session, job_id)
    return job if job.kind == "import" and job.state == "failed" and job.payload.get("upload") == upload_id else None


def _faults(tried: Job) -> dict[str, str]:
    """Return the errors of the last attempt, by field if known."""
    return (tried.result or {}).get("fields") or {"": tried.message}


def _columns(upload_id: int, kind: str, form: Mapping[str, str]) -> tuple[str, list[Any]]:
    # Only the beginning is read: a file can be large.
    beginning = func.substr(col(Upload.content), 1, _PREVIEW_BYTES, type_=LargeBinary())
    with services().database.read() as session:
        row = session.execute(select(col(Upload.name), beginning).where(col(Upload.id) == upload_id)).first()
    if row is None:
        raise NotFoundError(gettext("The file was deleted after a day. Upload it again."))
    name, content = row
    header, rows = preview(Source(name, content=bytes(content)), rows=_PREVIEW_ROWS)
    return name, columns(kind, header, rows, form, _zone(form))


def _enqueue(plan: Any, upload_id: int, events_id: int | None) -> int:
    payload = {
        "plan": plan.model_dump(mode="json"),
        "upload": upload_id,
        "events_upload": events_id,
        # As it was typed, so that the form of a failed import can be filled again.
        "form": {name: text for name, text in request.form.items() if name != "csrf_token"},
    }
    with services().database.write() as session:
        from experiments.importing.run import refuse_early

        refuse_early(session, plan, has_events=events_id is not None)
        return queue.enqueue(session, "import", payload=payload, requested_by=actor()).id or 0
