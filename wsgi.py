"""The WSGI application, made from the environment: ``gunicorn -c python:web.gunicorn_conf wsgi:app``."""

from web import create_app

app = create_app()
