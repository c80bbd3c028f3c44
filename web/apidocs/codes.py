"""Every stable code that an app may meet, with its status, its meaning, and whether to send the same thing again.

A test reads the source and holds this table against it. An event's code comes in ``rejected`` of an answer of 200.
"""

from typing import NamedTuple

from experiments.catalogue.event_types import EVENT_TYPES, PROPERTIES


class Code(NamedTuple):
    """A code; ``status`` 200 is that of a rejected event, ``retry`` says what to do."""

    code: str
    status: int
    meaning: str
    retry: bool = False


CODES: tuple[Code, ...] = (
    Code("malformed", 400, "The body or a parameter is no JSON, or its packing or length is wrong."),
    Code("unauthorised", 401, "The key is missing, unknown or revoked."),
    Code("forbidden", 403, "The key is of the wrong kind."),
    Code("not_found", 404, "There is nothing at this address."),
    Code("experiment_unknown", 404, "No experiment has this key; of an event, 200."),
    Code("run_unknown", 404, "The experiment has no run of this number."),
    Code("analysis_unknown", 404, "The experiment has no stored analysis of this id."),
    Code("job_unknown", 404, "The experiment has no analysis job of this id."),
    Code("namespace_unknown", 404, "No namespace has this key."),
    Code("key_unknown", 404, "No API key has this id."),
    Code("metric_unknown", 404, "No metric has this key."),
    Code("no_analysis", 404, "Nothing was analysed yet; ask for it with POST .../analyse.", True),
    Code("method_not_allowed", 405, "This address does not do that; Allow names what it does."),
    Code("timeout", 408, "The request took too long to arrive.", True),
    Code("conflict", 409, "The present state does not allow it."),
    Code(
        "illegal_transition", 409, "The experiment is in a state without this action; possible and actions name others."
    ),
    Code("frozen", 409, "This field cannot change any more in the present state."),
    Code("stale_revision", 409, "Somebody changed it meanwhile; read it again, then send the edit anew."),
    Code("key_taken", 409, "The key names something already, perhaps archived."),
    Code("namespace_taken", 409, "Another live experiment holds part of this place."),
    Code("holdout_in_use", 409, "A live experiment has its place where the holdout would change."),
    Code("not_ready", 409, "Something is missing before it can be launched."),
    Code("never_run", 409, "The experiment was never launched, so there is nothing to analyse."),
    Code("no_members", 409, "The experiment was imported as counts, without members."),
    Code("length_required", 411, "The length of the body is missing."),
    Code("too_large", 413, "The body is over the limit; send it in parts."),
    Code("address_too_long", 414, "The address is too long."),
    Code("unsupported_media_type", 415, "The body is of another kind than JSON."),
    Code("invalid", 422, "A value is out of its bounds; fields names each."),
    Code("field_unknown", 422, "A field that nobody reads; of an event, 200."),
    Code("unit_missing", 422, "The unit is absent or blank; of an event, 200."),
    Code("unit_invalid", 422, "The unit is no text, or holds what cannot be stored; of an event, 200."),
    Code("unit_too_long", 422, "The unit has more than 256 characters; of an event, 200."),
    Code("attributes_invalid", 422, "The attributes are no object."),
    Code("attributes_too_many", 422, "More than 100 attributes."),
    Code("experiments_invalid", 422, "The experiments are no list of keys."),
    Code("experiments_too_many", 422, "More than 200 experiments."),
    Code("expose_invalid", 422, "expose is neither true nor false."),
    Code("share_invalid", 422, "share is no text."),
    Code("preview", 422, "The preview token was not signed here or is too old."),
    Code("weights", 422, "The weights do not add up to 1, or one is below a bucket."),
    Code("events_missing", 422, "The body has no list of events."),
    Code("events_too_many", 422, "More events than one call may have."),
    Code("too_many_requests", 429, "The key has used up its rate; Retry-After says when.", True),
    Code("headers_too_large", 431, "The headers are too large."),
    Code("internal", 500, "Something failed that should not; of an event, 200, and its others are stored.", True),
    Code("unavailable", 503, "The storage is away or busy; nothing was written.", True),
    Code("not_an_object", 200, "An event is no JSON object."),
    Code("id_missing", 200, "An event has no id."),
    Code("id_invalid", 200, "The id is no text, or holds what cannot be stored."),
    Code("id_too_long", 200, "The id has more than 128 characters."),
    Code("type_missing", 200, "An event has no type."),
    Code("type_invalid", 200, "The type is no text, or holds what cannot be stored."),
    Code("type_too_long", 200, "The type has more than 64 characters."),
    Code("type_misspelt", 200, "The type differs from a known one by its capitals alone."),
    Code("time_invalid", 200, "at cannot be read."),
    Code("time_without_zone", 200, "at does not say its zone."),
    Code("time_in_future", 200, "at is too far ahead of our clock."),
    Code("time_too_old", 200, "at is older than what is accepted."),
    Code("value_missing", 200, "The type needs a value."),
    Code("value_unexpected", 200, "The type has no value."),
    Code("value_invalid", 200, "The value is no number."),
    Code("value_negative", 200, "An amount of money is below 0."),
    Code("value_out_of_range", 200, "The value is out of its type's bounds."),
    Code("value_too_fine", 200, "The value has more than 6 decimals."),
    Code("currency_invalid", 200, "No currency in use has this code."),
    Code("currency_wrong", 200, "The experiment counts in another currency."),
    Code("experiment_missing", 200, "An exposure names no experiment."),
    Code("experiment_not_launched", 200, "The experiment was not launched yet, so nobody can have met it.", True),
    Code("experiment_archived", 200, "The experiment is archived and takes no exposures any more."),
    Code("variant_unknown", 200, "The experiment has no such variant."),
    Code("properties_invalid", 200, "The properties are no object, or hold what cannot be stored."),
    Code("properties_too_large", 200, "The properties are over 32,768 bytes."),
    *(
        Code(f"{found.name}_invalid", 200, f"properties.{found.name} is not within {found.low:,} to {found.high:,}.")
        for found in PROPERTIES.values()
        if found.high is not None
    ),
)

NOT_OVER_HTTP = frozenset({"error", "bad_setting", "import_failed", "lease_lost", "outdated"})
"""Codes of the source that no call of an app is answered with: those of the start, the worker and the import page."""

OPERATORS = {
    "equals": "the attribute is this text, number, or true or false",
    "not_equals": "it is known and is another",
    "in": "it is one of the list",
    "not_in": "it is known and none of the list",
    "less_than": "it is a number below this",
    "at_most": "it is a number, this or below",
    "more_than": "it is a number above this",
    "at_least": "it is a number, this or above",
    "contains": "the text holds this text, or the list holds this value",
    "exists": "true: it is known; false: it is not",
}
"""What each targeting operator asks of a member's attribute."""


def words() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The words of the contract from the code's own lists: a heading's id, the heading, and (word, meaning) rows."""
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
    ("GET /healthz", "200 with status ok while the process lives; needs no key."),
    ("GET /readyz", "200 once the database is reachable and migrated, else 503 with the reason; needs no key."),
    ("GET /metrics", "What all web processes have counted, in Prometheus' text format; needs no key."),
)
"""For those who run it: outside /api, so described here."""
