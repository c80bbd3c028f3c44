"""Every stable code that an app may receive: its status, its meaning, and whether to send the request again.

A test compares this table with the source. An event's code is in ``rejected`` of a response with status 200.
"""

from typing import NamedTuple

from experiments.catalogue.event_types import EVENT_TYPES, PROPERTIES


class Code(NamedTuple):
    """A code; ``status`` 200 is that of a rejected event or a warning, ``retry`` is whether to send it again."""

    code: str
    status: int
    meaning: str
    retry: bool = False


CODES: tuple[Code, ...] = (
    Code("malformed", 400, "The body or a parameter is not JSON, or its compression or length is wrong."),
    Code("unauthorised", 401, "The key is missing, unknown or revoked."),
    Code("forbidden", 403, "The key has the wrong type."),
    Code("not_found", 404, "There is nothing at this address."),
    Code("experiment_unknown", 404, "No experiment has this key; for an event the status is 200."),
    Code("run_unknown", 404, "The experiment has no run of this number."),
    Code("analysis_unknown", 404, "The experiment has no stored analysis of this id."),
    Code("job_unknown", 404, "The experiment has no analysis job of this id."),
    Code("namespace_unknown", 404, "No namespace has this key."),
    Code("key_unknown", 404, "No API key has this id."),
    Code("metric_unknown", 404, "No metric has this key."),
    Code("no_analysis", 404, "There is no analysis yet; request one with POST .../analyse.", True),
    Code("method_not_allowed", 405, "The method is not allowed at this address; Allow lists those that are."),
    Code("timeout", 408, "The request took too long to arrive.", True),
    Code("conflict", 409, "The current state does not allow it."),
    Code(
        "illegal_transition",
        409,
        "The experiment's state does not allow this action; possible and actions list others.",
    ),
    Code("frozen", 409, "The field can't change any more in the current state."),
    Code("stale_revision", 409, "The experiment was changed in the meantime; read it again and repeat the edit."),
    Code("key_taken", 409, "The key is taken, perhaps by an archived experiment."),
    Code("namespace_taken", 409, "Another live experiment uses part of this range."),
    Code("holdout_in_use", 409, "A live experiment uses the range that the holdout would change."),
    Code("not_ready", 409, "The launch checklist has blocking items."),
    Code("never_run", 409, "The experiment was never launched, so there is nothing to analyse."),
    Code("no_members", 409, "The experiment was imported as counts, without members."),
    Code("length_required", 411, "The length of the body is missing."),
    Code("too_large", 413, "The body is over the limit; send it in parts."),
    Code("address_too_long", 414, "The address is too long."),
    Code("unsupported_media_type", 415, "The body is not JSON."),
    Code("invalid", 422, "A value is out of range; fields has a message for each."),
    Code("field_unknown", 422, "A field is unknown; for an event the status is 200."),
    Code("unit_missing", 422, "The unit is missing or blank; for an event the status is 200."),
    Code("unit_invalid", 422, "The unit is not text, or can't be stored; for an event the status is 200."),
    Code("unit_too_long", 422, "The unit has more than 256 characters; for an event the status is 200."),
    Code("unit_placeholder", 422, "The unit is undefined, null or the like; for an event the status is 200."),
    Code("attributes_invalid", 422, "attributes is not an object."),
    Code("attributes_too_many", 422, "More than 100 attributes."),
    Code("experiments_invalid", 422, "experiments is not a list of keys."),
    Code("experiments_too_many", 422, "More than 200 experiments."),
    Code("expose_invalid", 422, "expose is neither true nor false."),
    Code("share_invalid", 422, "share is not text."),
    Code("preview", 422, "The preview token is invalid or has expired."),
    Code("weights", 422, "The weights do not add up to 1, or one is below 0.0001."),
    Code("events_missing", 422, "The body has no list of events."),
    Code("events_too_many", 422, "More events than one call allows."),
    Code("too_many_requests", 429, "The key exceeded its rate limit; Retry-After is in seconds.", True),
    Code("headers_too_large", 431, "The headers are too large."),
    Code("internal", 500, "Unexpected error; for an event the status is 200, and the other events are stored.", True),
    Code("unavailable", 503, "The database is unavailable or busy; nothing was written.", True),
    Code("not_an_object", 200, "An event is not a JSON object."),
    Code("id_missing", 200, "An event has no id."),
    Code("id_invalid", 200, "The id is not text, or can't be stored."),
    Code("id_too_long", 200, "The id has more than 128 characters."),
    Code("type_missing", 200, "An event has no type."),
    Code("type_invalid", 200, "The type is not text, or can't be stored."),
    Code("type_too_long", 200, "The type has more than 64 characters."),
    Code("type_misspelt", 200, "The type differs from a known one only in capitals."),
    Code("time_invalid", 200, "at is not a time."),
    Code("time_without_zone", 200, "at has no time zone."),
    Code("time_in_future", 200, "at is too far in the future."),
    Code("time_too_old", 200, "at is too old."),
    Code("value_missing", 200, "The type needs a value."),
    Code("value_unexpected", 200, "The type has no value."),
    Code("value_invalid", 200, "The value is not a number."),
    Code("value_negative", 200, "An amount of money is below 0."),
    Code("value_out_of_range", 200, "The value is out of range for its type."),
    Code("value_too_fine", 200, "The value has more than 6 decimal places."),
    Code("currency_invalid", 200, "No currency in use has this code."),
    Code("currency_wrong", 200, "The experiment uses another currency."),
    Code("experiment_missing", 200, "An exposure names no experiment."),
    Code("experiment_not_launched", 200, "The experiment was not launched yet, so no member can have seen it.", True),
    Code("variant_unknown", 200, "The experiment has no such variant."),
    Code("properties_invalid", 200, "properties is not an object, or can't be stored."),
    Code("properties_too_large", 200, "properties has more than 32,768 bytes."),
    Code("type_counted_by_nothing", 200, "A warning: the event is stored, but no metric counts its type."),
    Code("unit_not_exposed", 200, "A warning: the event is stored, but its unit never saw the experiment it names."),
    *(
        Code(f"{found.name}_invalid", 200, f"properties.{found.name} is not within {found.low:,} to {found.high:,}.")
        for found in PROPERTIES.values()
        if found.high is not None
    ),
)

NOT_OVER_HTTP = frozenset({"error", "bad_setting", "import_failed", "lease_lost", "outdated"})
"""Codes that no app receives: they come from the start-up, the worker and the import page."""

OPERATORS = {
    "equals": "the attribute has this value: a text, a number, true or false",
    "not_equals": "it is known and different",
    "in": "it is in the list",
    "not_in": "it is known and not in the list",
    "less_than": "it is a number below this value",
    "at_most": "it is a number of at most this value",
    "more_than": "it is a number above this value",
    "at_least": "it is a number of at least this value",
    "contains": "the text contains this text, or the list contains this value",
    "exists": "true: it is known; false: it is not",
}
"""The condition of each targeting operator on a member's attribute."""


def words() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the vocabulary of the API from the code's own lists: id, heading, and rows of word and meaning."""
    from experiments.assignment.decision import REASONS
    from experiments.catalogue.metrics import METRICS

    types = [(kind.key, kind.description) for kind in EVENT_TYPES]
    metrics = [(found.key, f"{found.hint_in('EUR', 'window_days')} ({found.kind})") for found in METRICS]
    return [
        ("reasons", "Reasons of an assignment", [(name, f"{meaning}.") for name, meaning in REASONS.items()]),
        ("event-types", "Event types", types),
        ("metrics", "Metrics", metrics),
        ("operators", "Targeting operators", [(name, f"{meaning}.") for name, meaning in OPERATORS.items()]),
    ]


OPERATIONS = (
    ("GET /healthz", "200 with status ok while the process runs; no key required."),
    ("GET /readyz", "200 once the database is reachable and migrated, else 503 with the reason; no key required."),
    ("GET /metrics", "Counters of all web processes, in Prometheus' text format; no key required."),
)
"""Operations outside /api, described here."""
