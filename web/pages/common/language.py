"""The language of the pages, from the settings, for templates and for texts in Python.

What programs read stays in English, whatever the setting: the API, the probes, the metrics and the OpenAPI document.
"""

from contextlib import ExitStack

from flask import Flask, g, request

from experiments.reporting.numbers import localised
from experiments.translation import gettext, ngettext, pgettext, speaking
from web.http.problem import is_api

FOR_PROGRAMS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths in English beside those of the API."""


def register(app: Flask, code: str) -> None:
    """Let templates translate with ``_()``, ``ngettext()`` and ``{% trans %}``, in the language of `code`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        gettext, ngettext, newstyle=True, pgettext=pgettext
    )
    app.jinja_env.globals["language"] = code
    with speaking(code):
        app.jinja_env.globals |= {"decimal_mark": localised("."), "thousands_mark": localised(",")}

    @app.before_request
    def begin() -> None:
        if is_api(request.path) or request.path in FOR_PROGRAMS:
            return
        g.language = ExitStack()
        g.language.enter_context(speaking(code))

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "language" in g:
            g.pop("language").close()
