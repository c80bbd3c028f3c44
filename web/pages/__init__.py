"""The pages: every blueprint in one tuple, and what they share."""

from typing import Any

from flask import Flask, request

from experiments.reporting import numbers
from web.pages.account import keys, login, settings
from web.pages.common import access, formatting, security
from web.pages.editor import editor
from web.pages.experiments import lifecycle, overview
from web.pages.importing import upload
from web.pages.planning import planner
from web.pages.results import page, report

BLUEPRINTS = (
    login.blueprint,
    overview.blueprint,
    editor.blueprint,
    lifecycle.blueprint,
    page.blueprint,
    report.blueprint,
    planner.blueprint,
    upload.blueprint,
    keys.blueprint,
    settings.blueprint,
)

NAVIGATION = (
    ("/experiments", "Experiments"),
    ("/plan", "Plan"),
    ("/import", "Import"),
    ("/keys", "Keys"),
    ("/settings", "Settings"),
)
"""Path and name; an entry is shown where its page exists."""


def register(app: Flask) -> None:
    """Add the pages to the application, with their filters, guards and headers."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    settings_in_use = app.extensions["klette"].settings
    login.register(app, settings_in_use)
    formatting.register(app, settings_in_use.time_zone)
    security.register(app)
    access.register(app, {blueprint.name for blueprint in BLUEPRINTS})
    paths = {rule.rule.rstrip("/") for rule in app.url_map.iter_rules()}
    entries = tuple((path, label) for path, label in NAVIGATION if path in paths)

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {
            "navigation": [
                {"path": path, "label": label, "current": (request.path + "/").startswith(path + "/")}
                for path, label in entries
            ],
            "project_name": settings_in_use.project_name,
            "time_zone": settings_in_use.time_zone,
            "zone_words": numbers.zone_name(settings_in_use.time_zone),
        }
