"""The web: HTTP in front of the domain. ``create_app`` puts the application together; nothing is shared at import."""

from flask import Flask

from experiments.people.signing_key import with_secret_key
from experiments.settings import Settings
from experiments.settings import settings as settings_of_the_environment


def create_app(settings: Settings | None = None) -> Flask:
    """The application.

    Parameters
    ----------
    settings
        Those of the environment where none are given.

    Raises
    ------
    SettingsError
        Where a setting is wrong: the start fails with a sentence rather than the first request.
    """
    from web import api, operations, pages
    from web.fastpath import FastPath
    from web.http import problem
    from web.http.limiting import parse_limit
    from web.http.services import LazyServices

    settings = with_secret_key(settings or settings_of_the_environment())
    if settings.api_rate_limit:
        parse_limit(settings.api_rate_limit)
    app = Flask(__name__)
    app.secret_key = settings.secret_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = max(settings.max_body_bytes, settings.max_upload_bytes)
    # Form fields, not files: an uploaded file streams to disk, a field is held in memory.
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_body_bytes
    app.extensions["klette"] = LazyServices(settings)
    problem.register(app)
    operations.register(app)
    for blueprint in api.BLUEPRINTS:
        app.register_blueprint(blueprint)
    pages.register(app)
    app.wsgi_app = FastPath(app.wsgi_app, app.extensions["klette"])  # type: ignore[method-assign]
    return app
