"""The launch checklist: each check is ok, a warning, or blocks the launch."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from experiments.catalogue.metrics import metric
from experiments.definition.documents import StoredCost
from experiments.definition.fields import BUCKETS
from experiments.definition.variant_names import audience, letter
from experiments.lifecycle import store
from experiments.lifecycle.current_prior import current_priors
from experiments.lifecycle.document import timestamp
from experiments.lifecycle.namespaces import overlap_message, overlaps
from experiments.storage.tables import ApiKey, Experiment, Variant, utc_now
from experiments.translation import gettext, ngettext
from experiments.translation.lists import listed


@dataclass(frozen=True)
class Check:
    """A check of the launch; a blocking one that is not ok prevents the launch."""

    key: str
    ok: bool
    blocking: bool
    label: str
    detail: str


def checklist(session: Session, experiment: Experiment, *, now: datetime | None = None) -> list[Check]:
    """Return the checks of an experiment, in the order of the page."""
    variants = store.variants_of(session, experiment)
    return [
        _content_check(variants),
        _difference_check(variants),
        _hypothesis_check(experiment),
        _audience_check(experiment),
        _traffic_check(experiment),
        *_result_checks(experiment, variants),
        *_prior_check(session, experiment),
        _namespace_check(session, experiment),
        _schedule_check(experiment, now or utc_now()),
        _key_check(session),
    ]


def _content_check(variants: list[Variant]) -> Check:
    # Some variants without content are probably a mistake; no variant with content means that the app holds it.
    empty = [letter(variant.position) for variant in variants if not variant.content]
    headless = [
        letter(variant.position)
        for variant in variants
        if variant.content and not variant.content.get("headline") and set(variant.content) != {"custom"}
    ]
    if len(empty) == len(variants):
        detail = gettext("Continue if your app holds the content.")
        return Check("content", False, False, gettext("No variant has content"), detail)
    if empty and all(variant.control for variant in variants if not variant.content):
        label = gettext("{variants}, the control, has no content").format(variants=listed(empty))
        detail = gettext("Continue if members see nothing today. Otherwise add the current content.")
        return Check("content", False, False, label, detail)
    if empty:
        label = ngettext("{variants} has no content", "{variants} have no content", len(empty))
        detail = ngettext(
            "{variants} has no content, but other variants have. Add a headline.",
            "{variants} have no content, but other variants have. Add headlines.",
            len(empty),
        )
        names = listed(empty)
        return Check("content", False, True, label.format(variants=names), detail.format(variants=names))
    if headless:
        label = ngettext("{variants} has no headline", "{variants} have no headline", len(headless))
        detail = gettext("Continue if your app shows no headline.")
        return Check("content", False, False, label.format(variants=listed(headless)), detail)
    detail = gettext("Your app receives it with each assignment.")
    return Check("content", True, False, gettext("Each variant has content"), detail)


def _difference_check(variants: list[Variant]) -> Check:
    if not any(variant.content for variant in variants):
        label = gettext("Differences between variants are unknown")
        detail = gettext("Check that your app shows different content for each variant.")
        return Check("difference", False, False, label, detail)
    for position, variant in enumerate(variants):
        twin = next((other for other in variants[:position] if other.content == variant.content), None)
        if twin is not None and variant.content:
            pair = {"first": letter(twin.position), "second": letter(variant.position)}
            label = gettext("{first} and {second} are identical").format(**pair)
            detail = gettext("{first} and {second} have the same content. Change one of them.").format(**pair)
            return Check("difference", False, False, label, detail)
    detail = gettext("No two variants have the same content.")
    return Check("difference", True, False, gettext("The variants differ"), detail)


def _hypothesis_check(experiment: Experiment) -> Check:
    if experiment.hypothesis.strip():
        detail = gettext("It states the expected effect.")
        return Check("hypothesis", True, False, gettext("Hypothesis"), detail)
    detail = gettext("Write down the expected effect before you see results.")
    return Check("hypothesis", False, False, gettext("No hypothesis"), detail)


def _audience_check(experiment: Experiment) -> Check:
    return Check("audience", True, False, gettext("Audience"), audience(experiment.targeting))


def _traffic_check(experiment: Experiment) -> Check:
    share = experiment.traffic_buckets / BUCKETS
    if not experiment.traffic_buckets:
        detail = gettext("Traffic is 0 %: no members take part.")
        return Check("traffic", False, False, gettext("No traffic"), detail)
    text = gettext("{percent} % of the audience takes part.")
    return Check("traffic", True, False, gettext("Traffic"), text.format(percent=f"{share * 100:.4g}"))


def _result_checks(experiment: Experiment, variants: list[Variant]) -> list[Check]:
    """Return checks of settings that affect how the result is computed."""
    checks = []
    if experiment.allocation:
        label = gettext("Adaptive allocation")
        detail = gettext("Variants that start badly get less traffic, so that their estimates are biased downwards.")
        checks.append(Check("allocation", False, False, label, detail))
    has_cost = any(Decimal(amount) > 0 for variant in variants for amount in _amounts(variant.cost))
    measured = [metric(key) for key in (experiment.primary_metric, *experiment.metrics, *experiment.guardrails)]
    has_value = any(Decimal(str(amount)) > 0 for amount in (experiment.action_values or {}).values())
    if not has_cost and any(found.scale == "return" for found in measured):
        detail = gettext("Return on cost needs the cost of the variants. Add it, or remove the metric.")
        checks.append(Check("cost", False, False, gettext("No variant has a cost"), detail))
    elif not has_cost and not has_value and any(found.kind == "value" for found in measured):
        label = gettext("No costs and no action values")
        detail = gettext("Net value then counts only purchases. Add costs of variants or values of actions.")
        checks.append(Check("cost", False, False, label, detail))
    return checks


def _prior_check(session: Session, experiment: Experiment) -> list[Check]:
    """Return a check if the experiment uses another prior than the requested one."""
    runs = {experiment.id: store.runs_of(session, experiment)}
    prior = current_priors(session, [experiment], runs)[experiment.id]
    if not prior["notice"]:
        return []
    return [Check("prior", False, False, gettext("Learned prior unavailable"), prior["notice"])]


def _amounts(cost: StoredCost | None) -> tuple[str, ...]:
    return (cost["fixed"], cost["per_thousand"]) if cost else ()


def _namespace_check(session: Session, experiment: Experiment) -> Check:
    free = gettext("No overlap with other tests")
    if experiment.namespace_key is None:
        detail = gettext("Members can be in other tests at the same time; each test randomises independently.")
        return Check("namespace", True, True, free, detail)
    others = overlaps(session, experiment)
    if others:
        label = gettext("Overlap with another test")
        return Check("namespace", False, True, label, overlap_message(session, experiment, others))
    detail = gettext("No other test in {namespace} uses the same members.").format(namespace=experiment.namespace_key)
    return Check("namespace", True, True, free, detail)


def _schedule_check(experiment: Experiment, now: datetime) -> Check:
    starts, ends = experiment.starts_at, experiment.ends_at
    times = {"start": timestamp(starts), "end": timestamp(ends)}
    if ends and ends <= now:
        detail = gettext("The end {end} is in the past. Set a later ends_at, or remove it.")
        return Check("schedule", False, True, gettext("The end is in the past"), detail.format(**times))
    if starts and starts <= now and experiment.state == "draft":
        detail = (
            gettext("The start {start} is in the past: it starts immediately and ends at {end}.")
            if ends
            else gettext("The start {start} is in the past: it starts immediately and runs until it is stopped.")
        )
        return Check("schedule", False, False, gettext("The start is in the past"), detail.format(**times))
    if starts and starts > now:
        detail = (
            gettext("It starts at {start} and ends at {end}.")
            if ends
            else gettext("It starts at {start} and runs until it is stopped.")
        )
    else:
        detail = (
            gettext("It starts immediately and ends at {end}.")
            if ends
            else gettext("It starts immediately and runs until it is stopped.")
        )
    return Check("schedule", True, True, gettext("Schedule"), detail.format(**times))


def _key_check(session: Session) -> Check:
    if a_key_exists(session):
        detail = gettext("Apps can request variants with it.")
        return Check("key", True, False, gettext("API key"), detail)
    detail = gettext("Apps need an API key to request variants. Create one before or after the launch.")
    return Check("key", False, False, gettext("No API key"), detail)


def a_key_exists(session: Session) -> bool:
    """Return whether an active API key exists."""
    return session.exec(select(ApiKey.id).where(col(ApiKey.revoked_at).is_(None)).limit(1)).first() is not None
