"""What to look at before a launch: each point in order, worth a look, or in the way."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from experiments.definition.fields import BUCKETS
from experiments.definition.variant_names import audience, letter
from experiments.lifecycle import store
from experiments.lifecycle.current_prior import in_force
from experiments.lifecycle.document import timestamp
from experiments.lifecycle.namespaces import overlap_message, overlaps
from experiments.storage.tables import ApiKey, Experiment, Variant, utc_now
from experiments.translation.lists import listed


@dataclass(frozen=True)
class Check:
    """One line of the launch checklist; a blocking one that is not ok prevents the launch."""

    key: str
    ok: bool
    blocking: bool
    label: str
    detail: str


def checklist(session: Session, experiment: Experiment, *, now: datetime | None = None) -> list[Check]:
    """What to look at before the launch, in the order in which people look."""
    variants = store.variants_of(session, experiment)
    return [
        _content_check(variants),
        _difference_check(variants),
        _hypothesis_check(experiment),
        _audience_check(experiment),
        _traffic_check(experiment),
        *_answer_checks(experiment, variants),
        *_prior_check(session, experiment),
        _namespace_check(session, experiment),
        _schedule_check(experiment, now or utc_now()),
        _key_check(session),
    ]


def _content_check(variants: list[Variant]) -> Check:
    """One variant without content beside others with content is a slip; none with content is a way of working."""
    empty = [letter(variant.position) for variant in variants if not variant.content]
    headless = [
        letter(variant.position)
        for variant in variants
        if variant.content and not variant.content.get("headline") and set(variant.content) != {"custom"}
    ]
    if len(empty) == len(variants):
        label = "No variant has content here"
        detail = "That is fine if your app holds the content itself: members see what the app shows."
        return Check("content", False, False, label, detail)
    if empty and all(variant.control for variant in variants if not variant.content):
        detail = "That is fine where today's members are shown nothing. If they are shown something, write it down."
        return Check("content", False, False, f"{listed(empty)}, the control, has no content", detail)
    if empty:
        has = "has no content" if len(empty) == 1 else "have no content"
        detail = f"{listed(empty)} {has} while others have: those members would be shown nothing. Write a headline."
        return Check("content", False, True, f"{listed(empty)} {has}", detail)
    if headless:
        has = "has no headline" if len(headless) == 1 else "have no headline"
        detail = "The other content is there. Go on only if your app shows no headline."
        return Check("content", False, False, f"{listed(headless)} {has}", detail)
    return Check("content", True, False, "Each variant has content", "Your app is handed it with each answer.")


def _difference_check(variants: list[Variant]) -> Check:
    if not any(variant.content for variant in variants):
        label = "Whether the variants differ cannot be seen here"
        detail = "Only your app knows what each of them shows; make sure that they differ."
        return Check("difference", False, False, label, detail)
    for position, variant in enumerate(variants):
        twin = next((other for other in variants[:position] if other.content == variant.content), None)
        if twin is not None and variant.content:
            pair = f"{letter(twin.position)} and {letter(variant.position)}"
            detail = f"{pair} show the same, so that no difference can be found. Change one."
            return Check("difference", False, False, f"{pair} do not differ", detail)
    return Check("difference", True, False, "The variants differ", "No two variants show the same content.")


def _hypothesis_check(experiment: Experiment) -> Check:
    if experiment.hypothesis.strip():
        return Check("hypothesis", True, False, "A hypothesis is written down", "It says what you expect, and why.")
    detail = "Write down what you expect before you see any numbers."
    return Check("hypothesis", False, False, "No hypothesis is written down", detail)


def _audience_check(experiment: Experiment) -> Check:
    return Check("audience", True, False, "The audience is chosen", audience(experiment.targeting))


def _traffic_check(experiment: Experiment) -> Check:
    share = experiment.traffic_buckets / BUCKETS
    if not experiment.traffic_buckets:
        return Check("traffic", False, False, "Traffic is closed", "Traffic is 0 %: nobody takes part.")
    admitted = "All of them are" if share == 1 else f"{share * 100:.4g} % of them are"
    return Check("traffic", True, False, "Traffic is open", f"{admitted} let in.")


def _answer_checks(experiment: Experiment, variants: list[Variant]) -> list[Check]:
    """What to know of how the answer is made, where it is not made as usual."""
    checks = []
    if experiment.allocation:
        detail = "Fewer of them see what starts badly, so those figures stay a little low. Go on if you want that."
        checks.append(Check("allocation", False, False, "New members follow the results", detail))
    costly = any(Decimal(str(amount)) > 0 for variant in variants for amount in _amounts(variant.cost))
    measured = {experiment.primary_metric, *experiment.metrics, *experiment.guardrails}
    worths = [amount for amount in (experiment.action_values or {}).values() if Decimal(str(amount)) > 0]
    if not costly and "roi" in measured:
        detail = "Return on cost needs what a variant costs; write it down, or leave the metric out."
        checks.append(Check("cost", False, False, "No variant has a cost", detail))
    elif not costly and "net_value" in measured and not worths:
        detail = "Net value then counts purchases alone; write down what the variants cost or what an action is worth."
        checks.append(Check("cost", False, False, "No variant has a cost and no action a worth", detail))
    return checks


def _prior_check(session: Session, experiment: Experiment) -> list[Check]:
    """Nothing where the prior is the one that was asked for."""
    runs = {experiment.id: store.runs_of(session, experiment)}
    told = in_force(session, [experiment], runs)[experiment.id]
    if not told["notice"]:
        return []
    return [Check("prior", False, False, "Another prior is in force than the one asked for", told["notice"])]


def _amounts(cost: dict[str, Any] | None) -> list[Any]:
    return [(cost or {}).get(part) or 0 for part in ("fixed", "per_thousand")]


def _namespace_check(session: Session, experiment: Experiment) -> Check:
    if experiment.namespace_key is None:
        detail = "Members may be in other tests at the same time; each test draws lots of its own."
        return Check("namespace", True, True, "No other test is in the way", detail)
    others = overlaps(session, experiment)
    if others:
        label = "Another test uses these members"
        return Check("namespace", False, True, label, overlap_message(session, experiment, others))
    detail = f"No other test in {experiment.namespace_key} uses the same members."
    return Check("namespace", True, True, "No other test is in the way", detail)


def _schedule_check(experiment: Experiment, now: datetime) -> Check:
    starts, ends = experiment.starts_at, experiment.ends_at
    if ends and ends <= now:
        detail = f"It was to end at {timestamp(ends)}, which has passed; move ends_at or remove it."
        return Check("schedule", False, True, "The end has passed", detail)
    end = f"ends at {timestamp(ends)}" if ends else "runs until somebody stops it"
    if starts and starts <= now and experiment.state == "draft":
        detail = f"It was to start at {timestamp(starts)}: launched now, it starts at once and {end}."
        return Check("schedule", False, False, "The start has passed", detail)
    start = f"It starts at {timestamp(starts)}" if starts and starts > now else "It starts at once"
    return Check("schedule", True, True, "The schedule lies ahead", f"{start} and {end}.")


def _key_check(session: Session) -> Check:
    if a_key_exists(session):
        return Check("key", True, False, "An API key exists", "An app can ask for variants with it.")
    detail = "No app can fetch it yet: make a key first, or right after the launch."
    return Check("key", False, False, "No API key exists", detail)


def a_key_exists(session: Session) -> bool:
    """Whether any app could ask for variants."""
    return session.exec(select(ApiKey.id).where(col(ApiKey.revoked_at).is_(None)).limit(1)).first() is not None
