"""How the answer was computed, in words: data, priors with their evidence, how well each fit went, versions."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from experiments.lifecycle.current_prior import notice
from experiments.reporting.measures import name_of
from experiments.reporting.numbers import count, decimal, listed, plural, signed_percent, when
from web.pages.results.context import Context

EXCLUDED = {
    "multi_exposed": "met more than one variant",
    "bots": "looked like bots",
    "immature": "are still inside their window",
    "preview": "were previews",
}

PRIOR_FOR = {
    "lift": "every lift, for the verdict",
    "segments": "the segments",
    "adjusted": "figures with the history taken out",
    "retention": "retention",
    "retention_tail": "retention after the window",
    "cascade": "how far it carries",
    "amounts": "what a buyer spends",
    "counts": "how often and how unevenly",
}
NINETEEN_OF_TWENTY = 1.96
LIFT_PARAMETERS = {"sd", "log_odds_sd", "log_odds_sd_varies", "mean_log_odds", "mean_sd"}


def build(context: Context) -> tuple[tuple[str, str], ...]:
    """Return the section's labels and values."""
    return provenance(context.result, context.plan.zone)


def set_aside(excluded: Mapping[str, int]) -> str:
    """One sentence on the members that do not count, or nothing where all do."""
    parts = [
        f"{count(number)} {EXCLUDED.get(reason, reason.replace('_', ' '))}"
        for reason, number in excluded.items()
        if isinstance(number, int) and number
    ]
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"Set aside and not counted: {listed}."


def provenance(result: Mapping[str, Any], zone: str = "UTC") -> tuple[tuple[str, str], ...]:
    """What is needed to repeat the analysis, as labels and values; times are told in `zone`."""
    stored = result.get("provenance") or {}
    cut_off = result.get("cut_off")
    rows = [("Analysis", str(result.get("analysis") or ""))]
    rows += [("Data up to", when(datetime.fromisoformat(str(cut_off)), zone))] if cut_off else []
    rows += [("Seed", str(stored["seed"]))] if "seed" in stored else []
    rows += [("Split", check["figures"]) for check in result.get("health") or () if check.get("figures")]
    rows += [("Prior", prior) for prior in _priors(stored.get("priors") or {}, result["metrics"])]
    lift = (stored.get("priors") or {}).get("lift") or {}
    rows += [("Prior asked for", notice(str(lift.get("asked")), str(lift.get("name"))))]
    rows += _fits(result)
    versions = stored.get("versions") or {}
    rows += [("Versions", ", ".join(f"{key} {value}" for key, value in versions.items()))] if versions else []
    return tuple(row for row in rows if row[1])


def _fits(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How well each fit went that drew or weighed: what its gate let through."""
    names = {entry["metric"]: name_of(entry) for entry in result["metrics"]}
    segments = result.get("segments") or ()
    together = [entry for entry in segments if entry.get("joint")]
    rows = [(f"Fit by {_listed(together)}", _fit(together[0]))] if together else []
    rows += [(f"Fit by {entry['segment']}", _fit(entry)) for entry in segments if not entry.get("joint")]
    rows += [(f"Fit of {names[entry['metric']].lower()}", _fit(entry)) for entry in result["metrics"]]
    rows += [("Fit of retention", _fit(result.get("retention"))), ("Fit of word of mouth", _fit(result.get("cascade")))]
    rows += [
        (f"Fit of {names.get(part['metric'], part['metric']).lower()} by buyer", _fit(part))
        for part in result.get("amounts") or ()
    ]
    rows += [
        (f"Fit of {names.get(part['metric'], part['metric']).lower()} by member", _fit(part))
        for part in result.get("counts") or ()
    ]
    return rows


def _listed(entries: Sequence[Mapping[str, Any]]) -> str:
    return listed([str(entry["segment"]).replace("_", " ") for entry in entries])


def _fit(entry: Mapping[str, Any] | None) -> str:
    """R-hat and its like in a line; empty where nothing was sampled or weighed."""
    entry = entry or {}
    found = entry.get("diagnostics") or {}
    told = []
    if found.get("rhat_max") is not None:
        told.append(f"R-hat {decimal(found['rhat_max'], 3)}, {count(int(found['ess_min']))} effective draws")
        told.append(plural(found["divergences"], "divergence"))
    k_hat = next((part[key] for part in (found, entry) for key in ("k_hat", "khat") if part.get(key) is not None), None)
    if k_hat is not None:
        told.append(f"k-hat {decimal(k_hat, 2)} (below 0.7 is good)")
    told += _checks(entry.get("checks") or ())
    where = [str(entry["engine"])] if entry.get("engine") else []
    where += [f"seed {entry['seed']}"] if entry.get("seed") is not None and told else []
    return "; ".join(filter(None, (", ".join(told), ", ".join(where)))) if told else ""


def _checks(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many predictive checks passed, and for each that did not what was seen beside what was expected."""
    if not checks:
        return []
    failed = [check for check in checks if not check.get("passed")]
    told = [f"{len(checks) - len(failed)} of {plural(len(checks), 'predictive check')} passed"]
    for check in failed:
        seen, high = (f"{float(check[part]):.4g}" for part in ("observed", "high"))
        # Where only too much of it is a fault there is no lower end.
        beyond = f"over {high}" if check.get("low") is None else f"outside {float(check['low']):.4g} to {high}"
        told.append(f"{str(check['name']).replace('_', ' ')} {seen}, {beyond}")
    return told


def _priors(priors: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each prior once, with the metrics that it stands before."""
    names = {entry["metric"]: name_of(entry) for entry in metrics} | PRIOR_FOR
    used: dict[str, list[str]] = {}
    for key, prior in priors.items():
        used.setdefault(_prior(prior), []).append(names.get(key, key.replace("_", " ")))
    return [f"{prior} For: {', '.join(of)}." for prior, of in used.items()]


def _prior(prior: Any) -> str:
    if not isinstance(prior, Mapping):
        return str(prior)
    name, reason = str(prior.get("name", "")).replace("_", " "), str(prior.get("reason", ""))
    told = f"{name}: {reason}" if name and reason else name or reason
    if not told:
        return ", ".join(f"{k} {v}" for k, v in prior.items())
    return " ".join(filter(None, (told, _spread(prior.get("parameters") or {}), _evidence(prior.get("evidence")))))


def _spread(parameters: Mapping[str, float]) -> str:
    """What a prior on a lift believes before any data: how far 19 of 20 true lifts go."""
    if "sd" not in parameters or set(parameters) - LIFT_PARAMETERS:
        return ""
    low, high = (signed_percent(math.expm1(sign * NINETEEN_OF_TWENTY * parameters["sd"]), 0) for sign in (-1, 1))
    return f"It believes that 19 of 20 true lifts lie between {low} and {high}."


def _evidence(found: Any) -> str:
    """What a learned prior rests on: how far the variants of finished tests lie apart, and how sure that is."""
    if not isinstance(found, Mapping) or found.get("tau") is None:
        return ""
    low, high = (decimal(found[side], 3) for side in ("tau_low", "tau_high"))
    left_out = sum((found.get("left_out") or {}).values())
    told = [
        f"The variants of a test lie {decimal(found['tau'], 3)} ({low} to {high}) apart in log-odds.",
        str(found.get("better") or ""),
        f"{plural(left_out, 'finished test')} could not be used." if left_out else "",
    ]
    return " ".join(filter(None, told))
