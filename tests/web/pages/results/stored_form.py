"""Results of the page's tests in the form in which an analysis is stored, whatever they leave out or say in words."""

from collections.abc import Mapping
from typing import Any

from analysis.messages import is_message
from analysis.priors import CONTENT
from analysis.stopping.rules import Rules
from experiments.analyses.answer import Answer
from experiments.analyses.plan import LiftPrior
from experiments.analyses.sampled import SAMPLED
from experiments.reporting.worded import Reading, wording

MESSAGES = frozenset(
    {"reason", "headline", "detail", "next_step", "figures", "note", "caveat", "label", "value", "explanation"}
    | {"lift_not_shown", "more_days_reason", "reach_not_shown", "better", "reasons"}
)
"""Keys under which a stored result has messages."""

TOP: dict[str, Any] = {
    "created_at": "2026-11-23T08:12:00Z", "mature": None, "total": None, "allocation": None, "arrivals": [],
    **{part.key: [] if part.listed else None for part in SAMPLED},
}  # fmt: skip
SUMMARY = dict.fromkeys(
    ("leader", "chance_best", "expected_loss_per_100", "unit_of_measure", "members_per_day", "more_days")
) | {"elapsed_days": None, "planned_days": None}
METRIC: dict[str, Any] = {
    "name": "", "hint": "", "population": "direct", "unit_of_measure": "", "currency": None, "adjusted": None,
    "control": "a", "model": "conversion", "rope": 0.01, "stratified": None, "not_shown": None,
    "prior": CONTENT.to_dict(), "direction": "higher",
}  # fmt: skip
ADJUSTED: dict[str, Any] = {
    "variance_reduction": None, "correlation": None, "variants": [], "comparisons": [], "not_shown": None, "model": "",
    "prior": None, "missing": 0,
}  # fmt: skip
TAIL: dict[str, Any] = dict.fromkeys(("alpha", "beta", "daily", "not_shown")) | {"survival": [], "active": []}
EVIDENCE = {"mean_log_odds": -2.0, "mean_sd": 0.5, "metrics": {}, "learned_at": "2026-11-01T00:00:00"}
FITTED: dict[str, Any] = {"prior": CONTENT.to_dict(), "diagnostics": None, "engine": None, "checks": [], "note": None}
PARTS: dict[str, dict[str, Any]] = {
    "segments": {"overall": [], "joint": False, "levels": [], "merged": []},
    "retention": {},
    "cascade": {"comparisons": []},
    "amounts": {"family": None},
    "counts": {},
}
GATE = {"passed": True, "rhat_max": 1.0, "ess_min": 1000.0, "divergences": 0, "reasons": []}
SEGMENT_ROW: dict[str, Any] = {"raw_rate": None, "raw_lift": None, "lift": None, "p_beats_control": None}
ESTIMATE = {"mean": 0.1, "median": 0.1, "interval": {"kind": "eti", "probability": 0.95, "low": 0.0, "high": 0.2}}


def stored_form(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with every key that a stored one has, and messages in place of its texts."""
    found: dict[str, Any] = TOP | dict(result)
    found["answer"] = SUMMARY | found.get("answer", {})
    found["metrics"] = [_metric(entry) for entry in found["metrics"]]
    for name in ("mature", "total"):
        if found[name]:
            found[name] = found[name] | {"metrics": [_metric(entry) for entry in found[name]["metrics"]]}
    for part in SAMPLED:
        value = found[part.key]
        if part.listed:
            found[part.key] = [_part(part.key, entry) for entry in value or ()]
        elif value:
            found[part.key] = _part(part.key, value)
    if found["allocation"]:
        found["allocation"] = {"every_hours": 24, "next": None, "next_not_shown": None} | found["allocation"]
    found["provenance"] = _provenance(found.get("provenance", {}))
    form: dict[str, Any] = _messages(found)
    reason = form["verdict"]["reason"]
    if not all(is_message(part) for part in reason["params"]["parts"]):
        form["verdict"] |= {"reason": {"message": "sentences", "params": {"parts": [reason]}}}
    return form


def answer_of(result: Mapping[str, Any]) -> Answer:
    """Return a result as the pages read it."""
    return Answer.from_dict(stored_form(result))


def reading_of(result: Mapping[str, Any], names: Mapping[str, str]) -> Reading:
    """Return a result with the words for its messages, and the curves that it holds."""
    answer = answer_of(result)
    densities = {
        entry["metric"]: {
            row["variant"]: row["lift_density"] for row in entry["comparisons"] if row.get("lift_density")
        }
        for entry in result["metrics"]
    }
    return Reading(answer, wording(answer, names, zone="Europe/Berlin"), {"densities": densities})


def _metric(entry: Mapping[str, Any]) -> dict[str, Any]:
    whole = {name: value for name, value in (METRIC | dict(entry)).items() if name != "plain"}
    if whole["stratified"]:
        whole["stratified"] = {"weights": [1.0], "merged": [], "note": "Compared within each step."}
    return whole | {"adjusted": ADJUSTED | whole["adjusted"] if whole["adjusted"] else None}


def _part(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a sampled part: one that was not fitted has its reason and no figures."""
    if entry.get("not_shown") and "seed" not in entry:
        return dict(entry)
    whole = {"not_shown": None, "seed": 7} | FITTED | PARTS[key] | dict(entry)
    if key == "amounts":
        lifts = dict.fromkeys(("share_lift", "amount_lift", "mean_lift"))
        whole["variants"] = [lifts | dict(row) for row in whole["variants"]]
    if key == "cascade":
        whole["variants"] = [_brought(row) for row in whole["variants"]]
    if key == "retention":
        whole["variants"] = [_retained(row) for row in whole["variants"]]
    if key == "segments":
        whole = {name: value for name, value in whole.items() if name not in ("prior", "checks")}
        whole["diagnostics"] = whole["diagnostics"] or GATE
        whole["segment_rows"] = [SEGMENT_ROW | {"rate": ESTIMATE} | dict(row) for row in whole.get("segment_rows", ())]
        whole["overall"] = [{"rate": ESTIMATE} | dict(row) for row in whole["overall"]]
    return whole


def _brought(row: Mapping[str, Any]) -> dict[str, Any]:
    hidden = row.get("reach_not_shown") or (None if row["reach"] else "There is no end to it.")
    return {"too_young": 0.0, "sizes": [], "depths": []} | dict(row) | {"reach_not_shown": hidden}


def _retained(row: Mapping[str, Any]) -> dict[str, Any]:
    tail = TAIL | (row["tail"] or {"not_shown": {"code": "not_asked", "reason": "It was not fitted."}})
    bounds = ("day", "mean", "low", "high")
    tail |= {name: [{key: point[key] for key in bounds} for point in tail[name]] for name in ("survival", "active")}
    return dict(row) | {"tail": tail}


def _provenance(found: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"metric_definitions": {}, "priors": {}, "rules": Rules().to_dict(), "seed": 7, "versions": {}}
    whole |= found
    lift = LiftPrior("auto", CONTENT).to_dict() | whole["priors"].get("lift", {})
    if lift["evidence"]:
        lift["evidence"] = EVIDENCE | lift["evidence"]
    return whole | {"priors": whole["priors"] | {"lift": lift}}


def _messages(value: Any, key: str = "", parent: str = "") -> Any:
    if is_message(value):
        return value
    if isinstance(value, Mapping):
        return {name: _messages(inner, name, key) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_messages(inner, key, parent) for inner in value]
    texts = key in MESSAGES or (key == "name" and parent == "checks")
    if isinstance(value, str) and value and texts:
        return {"message": "sentences", "params": {"parts": [value]}}
    return value
