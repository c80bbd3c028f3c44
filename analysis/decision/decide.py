"""The verdict: one decision from a metric's scorecard, its guardrails and the health checks, safe under daily looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from analysis.decision.evidence import (
    Case,
    information_ratio,
    look_now,
    natural_unit,
    sceptical_lifts,
    standard_error,
)
from analysis.decision.guardrails import breaks, guardrail_statuses, withheld
from analysis.decision.lead import believed, missing, until
from analysis.errors import AnalysisError, refuse_non_numbers
from analysis.health.result import HealthCheck
from analysis.messages import Message, message
from analysis.planning.projection import MoreDays, more_days
from analysis.scoring.score import MetricResult, VariantResult
from analysis.stopping.rules import Decision, Fact, GuardrailStatus, Rules, Verdict
from analysis.stopping.sceptical import ScepticalLift
from analysis.stopping.sequential import Look

#: A lead this likely to be within the ROPE is too small to matter, even if it is certain.
PRACTICALLY_SAME = 0.95
#: A gain that matters with a chance below this is unlikely.
LITTLE_CHANCE = 0.05
#: Below this the chance of a gain that matters is named, as long as the test goes on.
RATHER_UNLIKELY = 0.2


class Situation(NamedTuple):
    """The inputs of every rule of the verdict.

    Attributes
    ----------
    case : Case
    look : Look
        The leads and shortfalls that have passed the bound so far.
    lifts : ScepticalLift or None
        The lifts under the lift prior, if there are any.
    guardrails : tuple of GuardrailStatus
    """

    case: Case
    look: Look
    lifts: ScepticalLift | None
    guardrails: tuple[GuardrailStatus, ...]

    @property
    def broken(self) -> list[GuardrailStatus]:
        """The guardrails that a variant is proven to worsen."""
        return [row for row in self.guardrails if row.status == "broken"]

    def doubted(self, variant: str) -> GuardrailStatus | None:
        """Return a guardrail that the variant probably or certainly worsens."""
        bad = (row for row in self.guardrails if row.variant == variant and row.status in ("in_doubt", "broken"))
        return next(bad, None)


def decide(
    primary: MetricResult,
    *,
    rules: Rules | None = None,
    health: Sequence[HealthCheck] = (),
    guardrails: Sequence[MetricResult] = (),
    elapsed_days: float,
    looks: Sequence[Look] | None = None,
    finished: bool = False,
    once: bool = False,
) -> Verdict:
    """Return the verdict on a run.

    Parameters
    ----------
    primary : MetricResult
        Of the primary metric.
    rules : Rules
    health : sequence of HealthCheck
        A "fail" makes the verdict "untrusted".
    guardrails : sequence of MetricResult
        Metrics that must not worsen, each with its own direction.
    elapsed_days : float
        Days the run has been running, 0 or more.
    looks : sequence of Look, or None
        The `look` of every earlier verdict of this run, oldest first; () for the first. None = not known, which uses a
        stricter bound that holds for any number of looks.
    finished : bool
        The run is over, so the verdict never asks for more days.
    once : bool
        The run is analysed a single time, at its end, so that no message mentions daily looks.
    """
    refuse_non_numbers(elapsed_days=elapsed_days)
    if not (math.isfinite(elapsed_days) and elapsed_days >= 0):
        raise AnalysisError("bad_request", f"elapsed_days is {elapsed_days}; give the days of running, 0 or more.")
    case = Case(primary, rules or Rules(), health, guardrails, elapsed_days, looks, finished, once)
    lifts = None if primary.not_shown else sceptical_lifts(case)
    now = Situation(case, look_now(case), lifts, guardrail_statuses(case))
    if _untrusted(now) is None and _too_little(now) is None:
        now = now._replace(look=replace(now.look, broken=breaks(now.guardrails, elapsed_days)))
    for rule in (_untrusted, _too_little, _harm, _too_early, _ship, _no_difference):
        verdict = rule(now)
        if verdict is not None:
            return verdict
    return _undecided(now) if finished else _keep_running(now)


def _verdict(
    now: Situation,
    decision: Decision,
    headline: Message,
    reasons: Sequence[Message],
    variant: str | None = None,
    wait: MoreDays | None = None,
) -> Verdict:
    wait = wait or MoreDays(None, None)
    too_early = decision == "not_enough_data" and variant is None
    facts = () if too_early or (decision == "untrusted" and variant is None) else _facts(now.case, variant)
    guardrails = now.guardrails
    if too_early or decision == "untrusted":
        guardrails = withheld(guardrails, "guardrail.untrusted" if decision == "untrusted" else "guardrail.too_early")
    reason = message("sentences", parts=tuple(reasons))
    return Verdict(decision, variant, headline, reason, wait.days, wait.reason, facts, guardrails, now.look)


def _facts(case: Case, variant: str | None) -> tuple[Fact, ...]:
    """Return the figures of the verdict: those of the named variant, or of the most likely best one."""
    if case.primary.not_shown is not None:
        return ()
    best = max(case.primary.variants, key=lambda row: row.p_best or 0.0)
    row = best if variant is None else case.primary.variant(variant)
    about: dict[str, Any] = {"variant": row.variant}
    share = case.primary.kind == "proportion"
    loss = message("verdict.no_loss")
    if row.loss_if_wrong is not None:
        loss = message("verdict.loss_in_100_members" if share else "verdict.loss_per_member", loss=row.loss_if_wrong)
    return (
        Fact(
            message("verdict.chance_best", **about),
            message("verdict.chance", chance=row.p_best or 0.0),
            message("verdict.chance_best_explained"),
        ),
        Fact(message("verdict.loss_if_wrong", **about), loss, message("verdict.loss_if_wrong_explained")),
    )


def _untrusted(now: Situation) -> Verdict | None:
    failed = [check for check in now.case.health if check.status == "fail"]
    if not failed:
        return None
    return _verdict(now, "untrusted", message("verdict.untrusted"), [failed[0].detail])


def _too_little(now: Situation) -> Verdict | None:
    case = now.case
    smallest = min(case.primary.variants, key=lambda row: row.n)
    if smallest.n < case.rules.min_members:
        reason = message(
            "verdict.few_members", variant=smallest.variant, members=smallest.n, needed=case.rules.min_members
        )
        share = case.rules.min_members / smallest.n - 1 if smallest.n else math.inf
        return _waiting(now, reason, share * case.elapsed_days)
    if case.primary.not_shown is not None:
        why = case.primary.not_shown
        if why.code == "nobody_yet":
            none = message("verdict.none_yet", metric=case.primary.metric, members=case.members)
            return _waiting(now, none, math.inf)
        return _waiting(now, why.reason, math.inf)
    if now.lifts is None:
        return _waiting(now, message("verdict.control_near_zero"), math.inf)
    return None


def _too_early(now: Situation) -> Verdict | None:
    elapsed, needed = now.case.elapsed_days, now.case.rules.min_days
    if elapsed >= needed:
        return None
    return _waiting(now, message("verdict.too_short", elapsed_days=elapsed, needed_days=needed), needed - elapsed)


def _waiting(now: Situation, reason: Message, days: float) -> Verdict:
    if now.case.finished:
        return _verdict(now, "not_enough_data", message("verdict.not_enough"), [reason])
    wait = MoreDays(None, message("verdict.when_unknown"))
    if 0 < days < 366:
        wait = MoreDays(math.ceil(days - 1e-9), None)
    headline = message("verdict.not_enough_yet")
    if wait.days:
        headline = message("verdict.not_enough_days", days=wait.days)
    return _verdict(now, "not_enough_data", headline, [reason], wait=wait)


def _harm(now: Situation) -> Verdict | None:
    """Return the verdict on harm: a guardrail proven worse, or every new variant proven worse than the control.

    If another variant can be shipped, shipping it ends the harm as well, and is the more useful verdict.
    """
    case, look = now.case, now.look
    if _too_early(now) is None and _ship(now) is not None:
        return None
    control = case.primary.control
    if now.broken:
        reasons = [
            message("verdict.breaks_guardrail", variant=row.variant, metric=row.metric, control=control)
            for row in now.broken
        ]
        return _stop(now, tuple(dict.fromkeys(row.variant for row in now.broken)), reasons)
    if len(look.harmed) < len(case.others) or look.crossed:
        return None
    reason = message("verdict.all_worse", variants=look.harmed, count=len(look.harmed), control=control)
    return _stop(now, look.harmed, [reason])


def _stop(now: Situation, variants: tuple[str, ...], reasons: Sequence[Message]) -> Verdict:
    headline = message("verdict.stop_harm", variants=variants, count=len(variants))
    return _verdict(now, "stop_harm", headline, reasons, variants[0] if len(variants) == 1 else None)


def _ship(now: Situation) -> Verdict | None:
    case, lifts = now.case, now.lifts
    assert lifts is not None  # _too_little has returned otherwise
    losses = dict(zip(lifts.variants, lifts.loss, strict=True))
    proven = [key for key in now.look.crossed if key in case.others and key not in now.look.harmed]
    proven = [key for key in proven if losses[key] < case.rules.caring and now.doubted(key) is None]
    proven = [key for key in proven if (case.primary.comparison(key).p_rope or 0.0) < PRACTICALLY_SAME]
    if not proven:
        return None
    key = min(proven, key=losses.__getitem__)
    reasons = [
        _better(case, key),
        message("verdict.proven_once" if case.once else "verdict.proven_daily"),
        message("verdict.small_loss_signed" if _signed(case) else "verdict.small_loss", **_accepted(case, key)),
    ]
    reasons += [message("verdict.also_breaks", variant=row.variant, metric=row.metric) for row in now.broken]
    reasons += _unjudged(case)
    return _verdict(now, "ship", message("verdict.ship", variant=key), reasons, key)


def _better(case: Case, key: str) -> Message:
    """Return the message that a variant is better than the control, with the lift if the metric has one."""
    lift, about = case.primary.comparison(key).lift, {"variant": key, "control": case.primary.control}
    if lift is None:
        return message("verdict.better", **about)
    return message("verdict.better_by", **about, lift=lift.median, interval=(lift.interval.low, lift.interval.high))


def _unjudged(case: Case) -> list[Message]:
    """Return the guardrails without figures, except those for which no member of any variant had the event."""
    return [
        message("verdict.guardrail_unknown", metric=result.metric, reason=result.not_shown.reason)
        for result in case.guardrails
        if result.not_shown and result.not_shown.code != "nobody_yet"
    ]


def _accepted(case: Case, variant: str) -> dict[str, Any]:
    """Return the parameters of the message that a variant's expected loss is below the one that the rules accept."""
    return {"variant": variant, "accepted": case.rules.caring, "metric": case.primary.metric}


def _signed(case: Case) -> bool:
    """Return whether the control's mean may be 0 or below, so that a relative loss has no meaning."""
    return case.primary.variant(case.primary.control).log_mean is None


def _no_difference(now: Situation) -> Verdict | None:
    case, lifts = now.case, now.lifts
    assert lifts is not None  # _too_little has returned otherwise
    p_rope = [row.p_rope for row in case.primary.comparisons]
    same = all(p is not None and p >= PRACTICALLY_SAME for p in p_rope)
    if (now.look.crossed or now.look.harmed) and not same:
        return None
    if len(now.look.futile) < len(case.others) or not (same or lifts.p_gain < LITTLE_CHANCE):
        return None
    control = case.primary.control
    reason = message("verdict.gain_unlikely", caring=case.rules.caring, control=control)
    if same:
        reason = message("verdict.all_alike", rope=case.primary.rope, control=control)
    return _verdict(now, "no_difference", message("verdict.no_difference"), [reason])


def _gain_left(now: Situation) -> list[Message]:
    """Return how likely a gain that matters still is, where it is not likely."""
    lifts, case = now.lifts, now.case
    assert lifts is not None  # _too_little has returned otherwise
    if lifts.p_gain >= RATHER_UNLIKELY or now.look.crossed:
        return []
    code = "verdict.gain_left_once" if case.once else "verdict.gain_left"
    return [message(code, caring=case.rules.caring, control=case.primary.control, chance=lifts.p_gain)]


def _undecided(now: Situation) -> Verdict:
    """Return the verdict on a finished run that no rule has decided."""
    case = now.case
    headline = message("verdict.ended_undecided")
    return _verdict(now, "not_enough_data", headline, _standing(now), _leader(case).variant)


def _leader(case: Case) -> VariantResult:
    """Return the variant that is most likely best, the control included."""
    return max(case.primary.variants, key=lambda row: row.p_best or 0.0)


def _standing(now: Situation) -> list[Message]:
    """Return the leading variant, and why its lead is not sufficient: a guardrail in doubt comes first."""
    leader = _leader(now.case).variant
    doubt = None if leader == now.case.primary.control else now.doubted(leader)
    return [*_open(now), *_gain_left(now)] if doubt is None else [_doubted(doubt)]


def _keep_running(now: Situation) -> Verdict:
    case, lifts = now.case, now.lifts
    assert lifts is not None  # _too_little has returned otherwise
    key = max(case.others, key=lambda k: lifts.mean[lifts.variants.index(k)])
    wait = _projected(now, lifts, key)
    headline = message("verdict.keep_running")
    if wait.days:
        headline = message("verdict.keep_running_days", days=wait.days)
    reasons = [*_standing(now), *until(case, wait)]
    return _verdict(now, "keep_running", headline, reasons, _leader(case).variant, wait)


def _doubted(doubt: GuardrailStatus) -> Message:
    return message("verdict.leads_but_doubted", variant=doubt.variant, metric=doubt.metric)


def _open(now: Situation) -> list[Message]:
    """Return the leading variant and why the lead is not sufficient."""
    case = now.case
    best, control = _leader(case), case.primary.control
    if best.variant == control:
        over = case.fraction is not None and case.fraction >= 1 and not case.finished
        leads = message("verdict.control_leads", variant=control, chance=best.p_best or 0.0)
        return [leads, message("verdict.plan_over")] if over else [leads]
    if best.variant in now.look.crossed:
        return [message("verdict.another_may_be_better", variant=best.variant, control=control)]
    reasons = [believed(case, best), *missing(case, best)]
    return [*reasons, message("verdict.retest")] if case.finished else reasons


def _projected(now: Situation, lifts: ScepticalLift, key: str) -> MoreDays:
    case = now.case
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
        proven=key in now.look.crossed,
        elapsed_days=case.elapsed_days,
        rules=case.rules,
        comparisons=len(case.others),
    )
