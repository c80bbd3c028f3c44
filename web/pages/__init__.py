"""The pages: every blueprint in one tuple, and what they share."""

from typing import Any

from flask import Flask, request

from web import formatting, security
from web.pages import (
    access,
    account,
    bringing_in,
    editing,
    experiments,
    keys,
    life,
    planning,
    report,
    results,
    settings,
)

BLUEPRINTS = (
    account.blueprint,
    experiments.blueprint,
    editing.blueprint,
    life.blueprint,
    results.blueprint,
    report.blueprint,
    planning.blueprint,
    bringing_in.blueprint,
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
    account.register(app, settings_in_use)
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
            "zone_words": formatting.zone_name(settings_in_use.time_zone),
        }
