"""The verdict: one answer from a metric's scorecard, its guardrails and the health checks, safe under daily looking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from scipy.special import ndtr

from analysis import wording
from analysis.decision import sentences
from analysis.decision.evidence import (
    Case,
    bound_of,
    information_ratio,
    look_now,
    natural_unit,
    sceptical_lifts,
    standard_error,
    z_score,
)
from analysis.errors import AnalysisError, refuse_what_is_no_number
from analysis.health.result import HealthCheck
from analysis.planning.projection import MoreDays, more_days
from analysis.scoring.score import MetricResult
from analysis.stopping.rules import Decision, Fact, Rules, Verdict
from analysis.stopping.sceptical import ScepticalLift
from analysis.stopping.sequential import Look

#: A guardrail this likely to be worse keeps a variant from being shipped, long before it is proven.
GUARDRAIL_DOUBT = 0.95
#: A lead this likely to be within the ROPE is not worth having, however surely it is there.
PRACTICALLY_SAME = 0.95


def decide(
    primary: MetricResult,
    *,
    rules: Rules | None = None,
    health: Sequence[HealthCheck] = (),
    guardrails: Sequence[MetricResult] = (),
    elapsed_days: float,
    looks: Sequence[Look] | None = None,
    names: Mapping[str, str] | None = None,
    metrics: Mapping[str, str] | None = None,
    finished: bool = False,
    once: bool = False,
) -> Verdict:
    """Give the verdict on a run.

    Parameters
    ----------
    primary : MetricResult
        Of the one metric that decides.
    rules : Rules
    health : sequence of HealthCheck
        Any "fail" makes the verdict "untrusted".
    guardrails : sequence of MetricResult
        Metrics that must not worsen, each with its own direction.
    elapsed_days : float
        Days the run has been running, 0 or more.
    looks : sequence of Look, or None
        The `look` of every earlier verdict of this run, oldest first; () for the very first. None = not known, which
        takes a stricter bound that holds for any number of looks.
    names : mapping of variant key to text
        What to call a variant in a sentence; its key in capitals by default.
    metrics : mapping of metric key to text
        What to call a metric in a sentence, such as "complaints"; its key in words by default.
    finished : bool
        The run is over, so nobody is told to wait: what is open then stays open, and the verdict says so.
    once : bool
        The run is looked at a single time, at its end, so that no sentence speaks of looking every day.
    """
    refuse_what_is_no_number(elapsed_days=elapsed_days)
    if not (math.isfinite(elapsed_days) and elapsed_days >= 0):
        raise AnalysisError("bad_request", f"elapsed_days is {elapsed_days}; give the days of running, 0 or more.")
    case = Case(
        primary, rules or Rules(), health, guardrails, elapsed_days, looks, names or {}, metrics or {}, finished, once
    )
    now = look_now(case)
    lifts = None if primary.not_shown else sceptical_lifts(case)
    for rule in (_untrusted, _too_little, _harm, _too_early, _ship, _no_difference):
        verdict = rule(case, now, lifts)
        if verdict is not None:
            return verdict
    return _undecided(case, now, lifts) if finished else _keep_running(case, now, lifts)


def _verdict(
    case: Case,
    now: Look,
    decision: Decision,
    headline: str,
    reason: str,
    variant: str | None = None,
    wait: MoreDays | None = None,
) -> Verdict:
    wait = wait or MoreDays(None, None)
    told = decision not in ("not_enough_data", "untrusted") or variant is not None
    facts = _facts(case, variant) if told else ()
    return Verdict(decision, variant, headline, reason, wait.days, wait.reason, facts, now)


def _facts(case: Case, variant: str | None) -> tuple[Fact, ...]:
    """Return the figures beside the sentence: about the named variant, or the one most probably best."""
    if case.primary.not_shown is not None:
        return ()
    best = max(case.primary.variants, key=lambda row: row.p_best or 0.0)
    row = best if variant is None else case.primary.variant(variant)
    name = case.name(row.variant)
    return (
        Fact(
            f"Chance that {name} is best",
            wording.chance(row.p_best or 0.0),
            "How likely it is, going by all data so far, that no other variant is truly better.",
        ),
        Fact(
            f"If we ship {name} and are wrong, we lose",
            "next to nothing"
            if row.loss_if_wrong is None
            else wording.per_members(row.loss_if_wrong, case.primary.kind),
            "What we would give up on average in the cases in which another variant is truly better; those alone, not "
            "the cases in which it is the best and nothing is lost.",
        ),
    )


def _untrusted(case: Case, now: Look, _: ScepticalLift | None) -> Verdict | None:
    failed = [check for check in case.health if check.status == "fail"]
    if not failed:
        return None
    return _verdict(case, now, "untrusted", "Do not trust this test.", failed[0].detail)


def _too_little(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict | None:
    smallest = min(case.primary.variants, key=lambda row: row.n)
    if smallest.n < case.rules.min_members:
        reason = (
            f"{case.name(smallest.variant)} has met {wording.counted(smallest.n, 'member')} so far; "
            f"a judgement needs at least {case.rules.min_members:,} a variant."
        )
        missing = case.rules.min_members / smallest.n - 1 if smallest.n else math.inf
        return _waiting(case, now, reason, missing * case.elapsed_days)
    if case.primary.not_shown is not None:
        why = case.primary.not_shown
        reason = f"There are no figures for {case.metric(case.primary, 'the metric')} yet."
        if why.code == "nobody_yet":
            reason = (
                f"None of the {case.members:,} members did what decides here ({case.metric(case.primary, 'it')}) yet."
            )
        return _waiting(case, now, reason, math.inf)
    if lifts is None:
        return _waiting(case, now, "Too few members have done it yet for a fair comparison.", math.inf)
    return None


def _too_early(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict | None:
    missing = case.rules.min_days - case.elapsed_days
    if missing <= 0:
        return None
    ran, least = wording.length(case.elapsed_days), wording.length(case.rules.min_days)
    reason = f"It has run for {ran}; days differ, so a judgement needs at least {least}."
    return _waiting(case, now, reason, missing)


def _waiting(case: Case, now: Look, reason: str, days: float) -> Verdict:
    if case.finished:
        return _verdict(case, now, "not_enough_data", "Not enough data.", reason)
    wait = MoreDays(math.ceil(days - 1e-9), None) if 0 < days < 366 else MoreDays(None, "It is too early to say when.")
    headline = "Not enough data yet."
    if wait.days:
        headline = f"Not enough data yet, about {wording.days(wait.days)}."
    return _verdict(case, now, "not_enough_data", headline, reason, wait=wait)


def _guardrail_harm(case: Case) -> list[tuple[str, MetricResult]]:
    """Return each variant that makes a guardrail worse beyond the bound, with that guardrail."""
    return [
        (key, result)
        for result in case.guardrails
        if result.not_shown is None
        for key in case.others
        if z_score(result, key) <= -bound_of(case, result, key)
    ]


def _harm(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict | None:
    """A guardrail proven worse, or every new variant proven worse than the control.

    Where another variant may be shipped already, shipping it ends the harm as well as stopping does, and says more.
    """
    if _too_early(case, now, lifts) is None and _ship(case, now, lifts) is not None:
        return None
    for key, result in _guardrail_harm(case):
        reason = (
            f"{case.name(key)} makes {case.metric(result)} worse than {case.name(result.control)}, "
            "and by now that is more than a swing of chance."
        )
        return _verdict(case, now, "stop_harm", f"Stop: {case.name(key)} does harm.", reason, key)
    if len(now.harmed) < len(case.others) or now.crossed:
        return None
    names = wording.listed([case.name(key) for key in now.harmed])
    verb = "does" if len(now.harmed) == 1 else "do"
    them = "it" if len(now.harmed) == 1 else "them"
    control = case.name(case.primary.control)
    reason = f"{names} {verb} clearly worse than {control}, so there is nothing to win by showing {them}."
    variant = now.harmed[0] if len(now.harmed) == 1 else None
    return _verdict(case, now, "stop_harm", f"Stop: {names} {verb} harm.", reason, variant)


def _doubted_by(case: Case, key: str) -> MetricResult | None:
    """Return a guardrail that the variant probably worsens, going by the data alone: no prior talks a doubt away."""
    for result in case.guardrails:
        if result.not_shown is None and float(ndtr(-z_score(result, key))) > GUARDRAIL_DOUBT:
            return result
    return None


def _ship(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict | None:
    assert lifts is not None  # _too_little has returned otherwise
    losses = dict(zip(lifts.variants, lifts.loss, strict=True))
    proven = [key for key in now.crossed if key in case.others and key not in now.harmed]
    proven = [key for key in proven if losses[key] < case.rules.caring and _doubted_by(case, key) is None]
    proven = [key for key in proven if (case.primary.comparison(key).p_rope or 0.0) < PRACTICALLY_SAME]
    if not proven:
        return None
    key = min(proven, key=losses.__getitem__)
    comparison = case.primary.comparison(key)
    by = ""
    if comparison.lift is not None:
        interval = comparison.lift.interval
        by = (
            f" by {wording.signed_percent(comparison.lift.mean)} "
            f"({wording.between(wording.signed_percent(interval.low), wording.signed_percent(interval.high))})"
        )
    surely = "large enough to trust even though you look every day"
    if case.once:
        surely = "more than a swing of chance brings about"
    reason = (
        f"{case.name(key)} does better than {case.name(case.primary.control)}{by}. The lead is {surely}. "
        "Shipping it risks little: averaged over its being the best, when nothing is lost, and its not being so, it "
        f"gives up less than {_accepted(case)}."
    )
    for harmful, result in _guardrail_harm(case):
        reason += f" Meanwhile {case.name(harmful)} makes {case.metric(result)} worse: one more reason to end the test."
    reason += _unjudged(case)
    return _verdict(case, now, "ship", f"Ship {case.name(key)}.", reason, key)


def _unjudged(case: Case) -> str:
    """Return which guardrails nothing could be said of; that nobody did it at all, in any variant, breaks none."""
    missing = [result for result in case.guardrails if result.not_shown and result.not_shown.code != "nobody_yet"]
    return "".join(
        f" Whether {case.metric(result)} holds could not be judged." for result in missing if result.not_shown
    )


def _accepted(case: Case) -> str:
    """Return the loss that the rules accept, e.g. ``1 % of the control's sticky members``."""
    if case.primary.variant(case.primary.control).log_mean is None:
        return f"{wording.threshold(case.rules.caring)} of what {case.metric(case.primary, 'the result')} may come to"
    return f"{wording.threshold(case.rules.caring)} of the control's {case.metric(case.primary, 'result')}"


def _no_difference(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict | None:
    assert lifts is not None  # _too_little has returned otherwise
    p_rope = [row.p_rope for row in case.primary.comparisons]
    same = all(p is not None and p >= PRACTICALLY_SAME for p in p_rope)
    if (now.crossed or now.harmed) and not same:
        return None
    control = lifts.variants.index(case.primary.control)
    over = case.fraction is not None and case.fraction >= 1
    caring = wording.threshold(case.rules.caring)
    if same or lifts.p_gain < 0.05:
        than = case.name(case.primary.control)
        reason = f"By now it is unlikely that any variant gains more than {caring} over {than}."
        if same:
            within = wording.threshold(case.primary.rope)
            reason = f"All variants are within {within} of each other, as far as one can tell."
    elif over and lifts.loss[control] < case.rules.caring:
        reason = (
            f"The planned time is over without a proven lead, and staying with {case.name(case.primary.control)} "
            f"costs less than {_accepted(case)}."
        )
    else:
        return None
    return _verdict(case, now, "no_difference", "No difference worth having.", reason)


def _undecided(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict:
    """The run is over and no rule has settled it."""
    best = max(case.primary.variants, key=lambda row: row.p_best or 0.0)
    name, control = case.name(best.variant), case.name(case.primary.control)
    doubt = None if best.variant == case.primary.control else _doubted_by(case, best.variant)
    if doubt is not None:
        reason = f"{name} leads, but it probably makes {case.metric(doubt)} worse, so it is not safe to ship."
    elif best.variant == case.primary.control:
        reason = f"{name} leads with a chance of {wording.chance(best.p_best or 0)} to be best; no new variant beat it."
    elif best.variant in now.crossed:
        reason = f"{name} does better than {control}, but another variant may be better still."
    else:
        reason = (
            f"{sentences.believed(case, best)} {sentences.missing(case, best)} "
            "To be sure, test it again with more members."
        )
    return _verdict(case, now, "not_enough_data", "It ended without a clear winner.", reason, best.variant)


def _keep_running(case: Case, now: Look, lifts: ScepticalLift | None) -> Verdict:
    assert lifts is not None  # _too_little has returned otherwise
    key = max(case.others, key=lambda k: lifts.mean[lifts.variants.index(k)])
    wait = _projected(case, now, lifts, key)
    headline = f"Keep running, about {wording.days(wait.days)}." if wait.days else "Keep running."
    doubt = _doubted_by(case, key)
    if doubt is not None:
        reason = (
            f"{case.name(key)} leads, but it probably makes {case.metric(doubt)} worse, so it is not safe to ship yet. "
            f"{sentences.until(case, wait)}"
        ).strip()
        return _verdict(case, now, "keep_running", headline, reason, key, wait)
    best = max(case.primary.variants, key=lambda row: row.p_best or 0.0)
    name = case.name(best.variant)
    if best.variant == case.primary.control:
        chance = wording.chance(best.p_best or 0)
        reason = f"{name} leads so far, with a chance of {chance} to be best; no new variant beats it yet."
    elif best.variant in now.crossed:
        reason = f"{name} does better than {case.name(case.primary.control)}, but another variant may be better still."
    else:
        reason = f"{sentences.believed(case, best, ' so far,')} {sentences.missing(case, best)}"
    reason = f"{reason} {sentences.until(case, wait)}".strip()
    return _verdict(case, now, "keep_running", headline, reason, best.variant, wait)


def _projected(case: Case, now: Look, lifts: ScepticalLift, key: str) -> MoreDays:
    effect = float(lifts.mean[lifts.variants.index(key)])
    ours, control = case.primary.variant(key), case.primary.variant(case.primary.control)
    error = math.hypot(ours.log_sd or 0.0, control.log_sd or 0.0)
    if ours.log_sd is None or control.log_sd is None:
        unit = natural_unit(case.primary)
        error = (standard_error(case.primary, key) or 0.0) / unit if unit else 0.0
    return more_days(
        effect=effect,
        standard_error=error,
        ratio=information_ratio(case.primary, key, case.rules.mixture_sd),
        proven=key in now.crossed,
        elapsed_days=case.elapsed_days,
        rules=case.rules,
        comparisons=len(case.others),
    )
