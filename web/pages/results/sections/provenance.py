"""How the result was computed: data, priors with their evidence, the diagnostics of each fit, versions."""

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
from experiments.catalogue.metrics import metric
from experiments.lifecycle.current_prior import notice
from experiments.reporting.numbers import count, decimal, listed, percent, signed_percent, when
from experiments.reporting.sentences.template import Plural, plural
from experiments.reporting.worded import Reading, used_for
from experiments.translation import gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context

EXCLUDED = {
    "multi_exposed": plural(
        "{number} member who saw more than one variant", "{number} members who saw more than one variant", "number"
    ),
    "bots": plural("{number} bot", "{number} bots", "number"),
    "before_start": plural(
        "{number} member exposed only before the start", "{number} members exposed only before the start", "number"
    ),
    "after_end": plural(
        "{number} member exposed only after the end", "{number} members exposed only after the end", "number"
    ),
    "carried_over": plural("{number} member of an earlier run", "{number} members of an earlier run", "number"),
    "immature": plural(
        "{number} member whose window has not ended", "{number} members whose window has not ended", "number"
    ),
    "preview": plural("{number} preview", "{number} previews", "number"),
}
"""The reasons for which members are excluded, with their number."""

SET_ASIDE = {
    "bot": plural("{number} event marked as a bot's", "{number} events marked as a bot's", "number"),
    "scanner": plural("{number} event of a crawler or scanner", "{number} events of crawlers and scanners", "number"),
    "instant_click": plural(
        "{number} e-mail click within a second of the exposure",
        "{number} e-mail clicks within a second of the exposure",
        "number",
    ),
    "burst_click": plural(
        "{number} e-mail click among several within two seconds",
        "{number} e-mail clicks among several within two seconds",
        "number",
    ),
}
"""The reasons for which events are set aside, with their number."""

OTHERS = plural("{number} other", "{number} others", "number")

STANDARD_ERRORS_95 = 1.96
LIFT_PARAMETERS = {"sd", "log_odds_sd", "log_odds_sd_varies", "mean_log_odds", "mean_sd"}


def build(context: Context) -> tuple[tuple[str, str], ...]:
    """Return the section's labels and values."""
    return provenance(context.reading, context.plan.zone)


def excluded_members(excluded: Mapping[str, int]) -> str:
    """Return a sentence on the members that were excluded; empty where none was."""
    members = _counted(excluded, EXCLUDED)
    return gettext("Excluded: {members}.").format(members=members) if members else ""


def events_set_aside(aside: Mapping[str, int]) -> str:
    """Return a sentence on the events that were set aside; empty where none was."""
    events = _counted(aside, SET_ASIDE)
    return gettext("Events set aside: {events}.").format(events=events) if events else ""


def _counted(numbers: Mapping[str, int], reasons: Mapping[str, Plural]) -> str:
    """Return numbers by their reasons as a list; empty where all are 0."""
    return listed(
        [
            explanations.in_plural(reasons.get(reason, OTHERS), number, number=count(number))
            for reason, number in numbers.items()
            if number
        ]
    )


def provenance(reading: Reading, zone: str = "UTC") -> tuple[tuple[str, str], ...]:
    """Return what is needed to repeat the analysis, as labels and values; times are those of `zone`."""
    answer, stored = reading.answer, reading.answer.provenance
    rows = [
        (gettext("Analysis"), answer.heading.analysis),
        (gettext("Data up to"), when(datetime.fromisoformat(answer.heading.cut_off), zone)),
        (gettext("Seed"), str(stored.seed)),
        *((gettext("Split"), reading.text(check.figures)) for check in answer.health),
        *((gettext("Prior"), prior) for prior in _priors(reading)),
        (gettext("Requested prior"), notice(stored.lift.requested, stored.lift.prior.name)),
        *_fits(reading),
        (gettext("Versions"), ", ".join(f"{key} {value}" for key, value in stored.versions.items())),
    ]
    return tuple(row for row in rows if row[1])


def _fits(reading: Reading) -> list[tuple[str, str]]:
    """Return the diagnostics of each sampled fit."""
    answer = reading.answer
    segments = [entry for entry in answer.entries(SEGMENTS) if not isinstance(entry, Unfitted)]
    together = [entry for entry in segments if entry.joint]
    by_segment, purchases = gettext("Segments fit: {segments}"), gettext("Purchases fit: {metric}")
    actions = gettext("Actions per member fit: {metric}")
    titles = listed([one.segment.replace("_", " ") for one in together])
    rows = [(by_segment.format(segments=titles), together[:1])]
    rows += [(by_segment.format(segments=entry.segment), [entry]) for entry in segments if not entry.joint]
    fits: list[tuple[str, Sequence[Fit | Unfitted]]] = [
        *rows,
        (gettext("Retention fit"), answer.entries(RETENTION)),
        (gettext("Word of mouth fit"), answer.entries(CASCADE)),
        *((purchases.format(metric=_name(one)), [one]) for one in answer.entries(AMOUNTS)),
        *((actions.format(metric=_name(one)), [one]) for one in answer.entries(COUNTS)),
    ]
    return [(label, _fit(one, reading)) for label, fitted in fits for one in fitted if not isinstance(one, Unfitted)]


def _name(entry: HurdleResult | CountResult | Unfitted) -> str:
    """Return the name of the metric that was fitted."""
    return gettext(metric(str(entry.shape["metric"]) if isinstance(entry, Unfitted) else entry.metric).name)


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
    """Return the diagnostics of a fit in sentences; empty where nothing was sampled."""
    sentences = []
    if fit.diagnostics is not None and math.isfinite(fit.diagnostics.rhat_max):
        diagnostics = fit.diagnostics
        sentences.append(
            ngettext(
                "R-hat {rhat}, {draws} effective draws, {divergences} divergent transition.",
                "R-hat {rhat}, {draws} effective draws, {divergences} divergent transitions.",
                diagnostics.divergences,
            ).format(
                rhat=decimal(diagnostics.rhat_max, 3),
                draws=count(int(diagnostics.ess_min)),
                divergences=count(diagnostics.divergences),
            )
        )
    sentences += _checks(getattr(fit, "checks", ()), reading)
    if not sentences:
        return ""
    sampled = gettext("Sampler {sampler}, seed {seed}.") if fit.engine else gettext("Seed {seed}.")
    return " ".join((*sentences, sampled.format(sampler=fit.engine, seed=fit.seed)))


def _checks(checks: Sequence[Check], reading: Reading) -> list[str]:
    """Return how many predictive checks passed, and the observed and expected figures of each other."""
    if not checks:
        return []
    failed = [check for check in checks if not check.passed]
    text = ngettext(
        "{passed} of {number} predictive check passed.", "{passed} of {number} predictive checks passed.", len(checks)
    )
    passed = text.format(passed=count(len(checks) - len(failed)), number=count(len(checks)))
    return [passed, *(reading.text(check.beside_expected) for check in failed)]


def _priors(reading: Reading) -> list[str]:
    """Return each prior once, with what uses it."""
    stored = reading.answer.provenance
    used: dict[str, list[str]] = {}
    for key, prior in stored.all_priors.items():
        evidence = stored.lift.evidence if key == "lift" else None
        used.setdefault(_prior(prior, evidence, reading), []).append(key)
    return [f"{prior} {used_for(keys)}" for prior, keys in used.items()]


def _prior(prior: NamedPrior, evidence: LearnedFrom | None, reading: Reading) -> str:
    text = gettext("{prior}: {reason}").format(prior=prior.name.replace("_", " "), reason=reading.text(prior.reason))
    return " ".join(filter(None, (text, _spread(dict(prior.parameters)), _evidence(evidence, reading))))


def _spread(parameters: Mapping[str, float]) -> str:
    """Return the range of lifts that a prior on a lift expects."""
    if "sd" not in parameters or set(parameters) - LIFT_PARAMETERS:
        return ""
    low, high = (signed_percent(math.expm1(sign * STANDARD_ERRORS_95 * parameters["sd"]), 0) for sign in (-1, 1))
    text = gettext("It expects {level} of true lifts between {low} and {high}.")
    return text.format(level=percent(0.95, 0), low=low, high=high)


def _evidence(evidence: LearnedFrom | None, reading: Reading) -> str:
    """Return what a learned prior rests on: how much the variants of finished tests differ, and how sure that is."""
    if evidence is None:
        return ""
    left_out = sum(evidence.left_out.values())
    spread = gettext("The variants of a test differ by {spread} in log-odds ({low} to {high}).")
    unused = ngettext(
        "{number} finished test could not be used.", "{number} finished tests could not be used.", left_out
    )
    pieces = (
        spread.format(
            spread=decimal(evidence.tau, 3), low=decimal(evidence.tau_low, 3), high=decimal(evidence.tau_high, 3)
        ),
        reading.text(evidence.better),
        unused.format(number=count(left_out)) if left_out else "",
    )
    return " ".join(filter(None, pieces))
