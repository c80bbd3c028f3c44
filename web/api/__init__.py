"""The HTTP API: one file a group of endpoints, one visible tuple."""

from web.api import assign, events, experiments, keys, namespaces, results
from web.api.auth import require_key
from web.apidocs import openapi

BLUEPRINTS = (
    assign.blueprint,
    events.blueprint,
    experiments.blueprint,
    keys.blueprint,
    namespaces.blueprint,
    results.blueprint,
    openapi.blueprint,
)

__all__ = ["BLUEPRINTS", "require_key"]
