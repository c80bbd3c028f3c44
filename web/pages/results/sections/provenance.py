"""How the answer was computed, in words: data, priors with their evidence, how well each fit went, versions."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from analysis import NamedPrior
from analysis.sampling.diagnostics import Diagnostics
from analysis.sampling.predictive import Check
from experiments.analyses.plan import LearnedFrom
from experiments.analyses.sampled.amounts import AMOUNTS
from experiments.analyses.sampled.cascade import CASCADE
from experiments.analyses.sampled.counts import COUNTS
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import CountResult, HurdleResult
from experiments.analyses.sampled.retention import RETENTION
from experiments.analyses.sampled.segments import SEGMENTS
from experiments.lifecycle.current_prior import notice
from experiments.reporting.measures import name_of
from experiments.reporting.numbers import count, decimal, listed, plural, signed_percent, when
from experiments.reporting.worded import Reading
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
    return provenance(context.reading, context.plan.zone)


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


def provenance(reading: Reading, zone: str = "UTC") -> tuple[tuple[str, str], ...]:
    """Return what is needed to repeat the analysis, as labels and values; times are those of `zone`."""
    answer, stored = reading.answer, reading.answer.provenance
    rows = [
        ("Analysis", answer.heading.analysis),
        ("Data up to", when(datetime.fromisoformat(answer.heading.cut_off), zone)),
        ("Seed", str(stored.seed)),
        *(("Split", reading.text(check.figures)) for check in answer.health),
        *(("Prior", prior) for prior in _priors(reading)),
        ("Prior asked for", notice(stored.lift.requested, stored.lift.prior.name)),
        *_fits(reading),
        ("Versions", ", ".join(f"{key} {value}" for key, value in stored.versions.items())),
    ]
    return tuple(row for row in rows if row[1])


def _fits(reading: Reading) -> list[tuple[str, str]]:
    """Return how well each sampled fit went."""
    answer = reading.answer
    names = {entry.metric: name_of(entry).lower() for entry in answer.metrics}
    segments = [entry for entry in answer.entries(SEGMENTS) if not isinstance(entry, Unfitted)]
    together = [entry for entry in segments if entry.joint]
    rows = [(f"Fit by {listed([one.segment.replace('_', ' ') for one in together])}", together[:1])]
    rows += [(f"Fit by {entry.segment}", [entry]) for entry in segments if not entry.joint]
    fits: list[tuple[str, Sequence[Fit | Unfitted]]] = [
        *rows,
        ("Fit of retention", answer.entries(RETENTION)),
        ("Fit of word of mouth", answer.entries(CASCADE)),
        *((f"Fit of {names.get(_metric(one), _metric(one))} by buyer", [one]) for one in answer.entries(AMOUNTS)),
        *((f"Fit of {names.get(_metric(one), _metric(one))} by member", [one]) for one in answer.entries(COUNTS)),
    ]
    return [(label, _fit(one, reading)) for label, found in fits for one in found if not isinstance(one, Unfitted)]


def _metric(entry: HurdleResult | CountResult | Unfitted) -> str:
    return str(entry.shape["metric"]) if isinstance(entry, Unfitted) else entry.metric


class Fit(Protocol):
    """A sampled fit, as far as it is described here."""

    @property
    def diagnostics(self) -> Diagnostics | None:
        """Of its draws; None where nothing was sampled."""

    @property
    def engine(self) -> str | None:
        """The sampler."""

    @property
    def seed(self) -> int:
        """Of its draws."""


def _fit(fit: Fit, reading: Reading) -> str:
    """Return R-hat and its like in a line; empty where nothing was sampled."""
    pieces = []
    if fit.diagnostics is not None and math.isfinite(fit.diagnostics.rhat_max):
        found = fit.diagnostics
        pieces.append(f"R-hat {decimal(found.rhat_max, 3)}, {count(int(found.ess_min))} effective draws")
        pieces.append(plural(found.divergences, "divergence"))
    pieces += _checks(getattr(fit, "checks", ()), reading)
    if not pieces:
        return ""
    where = [fit.engine] if fit.engine else []
    return "; ".join((", ".join(pieces), ", ".join((*where, f"seed {fit.seed}"))))


def _checks(checks: Sequence[Check], reading: Reading) -> list[str]:
    """Return how many predictive checks passed, and of each other what was seen beside what was expected."""
    if not checks:
        return []
    failed = [check for check in checks if not check.passed]
    pieces = [f"{len(checks) - len(failed)} of {plural(len(checks), 'predictive check')} passed"]
    for check in failed:
        seen, high = f"{check.observed:.4g}", f"{check.high:.4g}"
        # Where only too much of it is a fault there is no lower end.
        beyond = f"over {high}" if check.low is None else f"outside {check.low:.4g} to {high}"
        pieces.append(f"{reading.text(check.name)} {seen}, {beyond}")
    return pieces


def _priors(reading: Reading) -> list[str]:
    """Return each prior once, with what uses it."""
    stored = reading.answer.provenance
    names = {entry.metric: name_of(entry) for entry in reading.answer.metrics} | PRIOR_FOR
    used: dict[str, list[str]] = {}
    for key, prior in stored.all_priors.items():
        evidence = stored.lift.evidence if key == "lift" else None
        used.setdefault(_prior(prior, evidence, reading), []).append(names.get(key, key.replace("_", " ")))
    return [f"{prior} For: {', '.join(of)}." for prior, of in used.items()]


def _prior(prior: NamedPrior, evidence: LearnedFrom | None, reading: Reading) -> str:
    said = f"{prior.name.replace('_', ' ')}: {reading.text(prior.reason)}"
    return " ".join(filter(None, (said, _spread(dict(prior.parameters)), _evidence(evidence, reading))))


def _spread(parameters: Mapping[str, float]) -> str:
    """What a prior on a lift believes before any data: how far 19 of 20 true lifts go."""
    if "sd" not in parameters or set(parameters) - LIFT_PARAMETERS:
        return ""
    low, high = (signed_percent(math.expm1(sign * NINETEEN_OF_TWENTY * parameters["sd"]), 0) for sign in (-1, 1))
    return f"It believes that 19 of 20 true lifts lie between {low} and {high}."


def _evidence(found: LearnedFrom | None, reading: Reading) -> str:
    """What a learned prior rests on: how far the variants of finished tests lie apart, and how sure that is."""
    if found is None:
        return ""
    left_out = sum(found.left_out.values())
    pieces = (
        f"The variants of a test lie {decimal(found.tau, 3)} ({decimal(found.tau_low, 3)} to"
        f" {decimal(found.tau_high, 3)}) apart in log-odds.",
        reading.text(found.better),
        f"{plural(left_out, 'finished test')} could not be used." if left_out else "",
    )
    return " ".join(filter(None, pieces))
