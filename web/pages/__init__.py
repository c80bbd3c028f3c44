"""The pages: each a file in a room and a line of BLUEPRINTS; a line of NAVIGATION where the menu shows it."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, request

from experiments.people.accounts import ROLES
from experiments.reporting import numbers
from experiments.translation import N_, gettext
from web.pages.account import keys, login, settings
from web.pages.common import access, formatting, language, security
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
"""Every page requires an account unless its view is marked; see `web.pages.common.access`."""


@dataclass(frozen=True)
class Entry:
    """An entry of the menu.

    Attributes
    ----------
    label
        Its name in English, translated where it is shown.
    roles
        Roles whose menu has it.
    """

    path: str
    label: str
    roles: tuple[str, ...] = ROLES


NAVIGATION: tuple[Entry, ...] = (
    Entry("/experiments", N_("Experiments")),
    Entry("/plan", N_("Plan")),
    Entry("/import", N_("Import"), roles=("admin", "marketer")),
    Entry("/keys", N_("API keys")),
    Entry("/settings", N_("Settings")),
)
"""In the order of the menu."""


def register(app: Flask) -> None:
    """Add the pages to the application, with their filters, guards and headers."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    settings_in_use = app.extensions["klette"].settings
    login.register(app, settings_in_use)
    language.register(app, settings_in_use.language)
    formatting.register(app, settings_in_use.time_zone)
    security.register(app)
    access.register(app, {blueprint.name for blueprint in BLUEPRINTS})

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {
            "navigation": navigation_for,
            "project_name": settings_in_use.project_name,
            "time_zone": settings_in_use.time_zone,
            "zone_words": numbers.zone_name(settings_in_use.time_zone),
        }


def navigation_for(role: str) -> list[dict[str, Any]]:
    """Return the menu of a role."""
    return [
        {
            "path": entry.path,
            "label": gettext(entry.label),
            "current": (request.path + "/").startswith(entry.path + "/"),
        }
        for entry in NAVIGATION
        if role in entry.roles
    ]
