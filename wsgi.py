"""The WSGI application, made from the environment: ``gunicorn -c python:web.gunicorn_conf wsgi:app``."""

from experiments.secret import with_secret_key
from experiments.settings import settings
from web import create_app

app = create_app(with_secret_key(settings()))
