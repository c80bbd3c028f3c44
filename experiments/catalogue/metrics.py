"""The metrics: each one a line of the tuple below, and everything else follows from what the line declares.

`collect` turns the declaration into one expression, the analysis stores it beside its result, and pages, report, API
and import read its name, its sentence and how its values are written from here.
"""

from collections.abc import Sequence
from decimal import Decimal

from experiments.catalogue.custom import custom_metric
from experiments.catalogue.event_types import ACTIVITY
from experiments.catalogue.metric import DAY_US, Default, Kind, Metric, Scale
from experiments.errors import NotFoundError
from experiments.translation import N_

__all__ = ["DAY_US", "METRICS", "Metric", "find", "metric"]

METRICS: tuple[Metric, ...] = (
    Metric(
        "sticky_rate",
        N_("Sticky members"),
        N_("Share of members who came back on a later day, shared or bought within {window} days."),
        "proportion",
        ("share", "purchase"),
        ACTIVITY,
        noun=N_("sticky members"),
        undated_hint=N_("Share of members who came back on a later day, shared or bought."),
        superlative=N_("the stickiest"),
        default="primary",
    ),
    Metric(
        "click_rate",
        N_("Click rate"),
        N_("Share of members who clicked at least once within {window} days."),
        "proportion",
        ("click",),
        noun=N_("click rate"),
        undated_hint=N_("Share of members who clicked at least once."),
        superlative=N_("the most clicked"),
        default="other",
        column_names=("click", "clicks", "clicked", "clickers", "visit", "visits", "visited"),
    ),
    Metric(
        "return_rate",
        N_("Return rate"),
        N_("Share of members who were active again 24 hours or more after their first exposure, within {window} days."),
        "proportion",
        (),
        ACTIVITY,
        noun=N_("return rate"),
        undated_hint=N_("Share of members who were active again 24 hours or more after their first exposure."),
        superlative=N_("the most returned to"),
        column_names=("return", "returns", "returned"),
    ),
    Metric(
        "share_rate",
        N_("Share rate"),
        N_("Share of members who shared at least once within {window} days."),
        "proportion",
        ("share",),
        noun=N_("share rate"),
        undated_hint=N_("Share of members who shared at least once."),
        superlative=N_("the most shared"),
        default="other",
        column_names=("share", "shares", "shared"),
    ),
    Metric(
        "purchase_rate",
        N_("Purchase rate"),
        N_("Share of members who bought at least once within {window} days."),
        "proportion",
        ("purchase",),
        noun=N_("purchase rate"),
        undated_hint=N_("Share of members who bought at least once."),
        superlative=N_("the best seller"),
        default="other",
        column_names=("purchase", "purchases", "purchased", "order", "orders", "ordered", "buyers", "bought", "sales"),
    ),
    Metric(
        "response_rate",
        N_("Response rate"),
        N_("Share of members who commented, reviewed or posted about it within {window} days."),
        "proportion",
        ("comment", "review", "mention"),
        noun=N_("response rate"),
        undated_hint=N_("Share of members who commented, reviewed or posted about it."),
        superlative=N_("the most talked about"),
        column_names=("response", "responses", "responded", "comments", "replies"),
    ),
    Metric(
        "revenue",
        N_("Revenue per member"),
        N_("What members spent within {window} days, divided by all members; each member's total is capped at {cap}."),
        "amount",
        ("purchase",),
        noun=N_("revenue per member"),
        statistic="sum",
        model="amount",
        unit_of_measure=N_("{currency} per member"),
        cap=Decimal(10_000),
        money=True,
        scale="money",
        per=N_("per member"),
        superlative=N_("the best earner"),
        default="other",
    ),
    Metric(
        "orders",
        N_("Orders per member"),
        N_("Purchases that members made within {window} days, divided by all members."),
        "count",
        ("purchase",),
        noun=N_("orders per member"),
        statistic="count",
        model="count",
        unit_of_measure=N_("orders per member"),
        scale="number",
        per=N_("per member"),
        superlative=N_("the most ordered"),
    ),
    Metric(
        "dwell",
        N_("Dwell time"),
        N_(
            "Seconds that members stayed within {window} days, divided by all members; a member counts for at most "
            "an hour."
        ),
        "amount",
        ("dwell",),
        noun=N_("dwell time"),
        statistic="sum",
        model="amount",
        unit_of_measure=N_("seconds per member"),
        cap=Decimal(3_600),
        scale="seconds",
        per=N_("per member"),
        superlative=N_("the one with the longest dwell time"),
    ),
    Metric(
        "negative_rate",
        N_("Complaints"),
        N_("Share of members who hid, reported, unsubscribed or complained within {window} days."),
        "proportion",
        ("negative",),
        noun=N_("complaints"),
        undated_hint=N_("Share of members who hid, reported, unsubscribed or complained."),
        direction="down",
        superlative=N_("the least complained about"),
        default="guardrail",
        column_names=("complaint", "complaints", "unsubscribed", "unsubscribes", "hidden", "negative"),
    ),
    Metric(
        "order_value",
        N_("Order value"),
        N_("Average value of an order within {window} days; each member's total is capped at {cap}."),
        "ratio",
        ("purchase",),
        noun=N_("order value"),
        statistic="mean",
        model="ratio",
        unit_of_measure=N_("{currency} per order"),
        cap=Decimal(10_000),
        money=True,
        scale="money",
        per=N_("per order"),
        superlative=N_("the one with the largest orders"),
    ),
    Metric(
        "sentiment",
        N_("Sentiment"),
        N_("Average sentiment of members' posts within {window} days, from −1 to 1."),
        "ratio",
        ("mention",),
        noun=N_("sentiment"),
        statistic="mean",
        model="signed_ratio",
        unit_of_measure=N_("from −1 to 1"),
        property_name="sentiment",
        scale="score",
        per=N_("per mention"),
        signed=True,
        superlative=N_("the best liked"),
    ),
    Metric(
        "earned_reach",
        N_("Earned reach"),
        N_(
            "People reached by members' posts within {window} days, divided by all members; at most a million per "
            "member."
        ),
        "amount",
        ("mention",),
        noun=N_("earned reach"),
        statistic="sum",
        model="amount",
        unit_of_measure=N_("people per member"),
        cap=Decimal(1_000_000),
        property_name="reach",
        scale="people",
        per=N_("per member"),
        superlative=N_("the one with the widest reach"),
    ),
    Metric(
        "active_days",
        N_("Active days"),
        N_("Days after the first on which members were active within {window} days, divided by all members."),
        "count",
        (),
        ACTIVITY,
        noun=N_("active days"),
        statistic="days",
        model="count",
        unit_of_measure=N_("days per member"),
        scale="days",
        per=N_("per member"),
        superlative=N_("the one with the most active days"),
    ),
    Metric(
        "half_life",
        N_("Half-life"),
        N_("Days until half of the members who return within {window} days have returned for the last time."),
        "retention",
        (),
        ACTIVITY,
        noun=N_("half-life"),
        statistic="days",
        model="retention",
        unit_of_measure=N_("days"),
        decides=False,
        scale="days",
    ),
    Metric(
        "k_factor",
        N_("New members per member"),
        N_(
            "New members that each member brings within {window} days; above 1, growth sustains itself. Known for "
            "imported members only, until share links exist."
        ),
        "cascade",
        (),
        noun=N_("new members per member"),
        statistic="brought",
        model="k_factor",
        unit_of_measure=N_("new members per member"),
        population="total",
        decides=False,
        scale="brought",
        per=N_("per member"),
    ),
    Metric(
        "reach",
        N_("Reach"),
        N_(
            "Members exposed for each randomised member, word of mouth included. Known for imported members only, "
            "until share links exist."
        ),
        "cascade",
        (),
        noun=N_("reach"),
        statistic="brought",
        model="reach",
        unit_of_measure=N_("members per randomised member"),
        population="total",
        decides=False,
        scale="times",
    ),
    Metric(
        "net_value",
        N_("Net value per member"),
        N_(
            "Purchases (times the margin) and actions (at their declared values) within {window} days, less the "
            "variant's costs, divided by all members."
        ),
        "value",
        ("purchase",),
        noun=N_("net value per member"),
        statistic="worth",
        model="net_value",
        unit_of_measure=N_("{currency} per member"),
        cap=Decimal(10_000),
        money=True,
        scale="money",
        per=N_("per member"),
        superlative=N_("the most valuable"),
    ),
    Metric(
        "roi",
        N_("Return on cost"),
        N_("Net value within {window} days for each unit of money that the variant costs."),
        "value",
        ("purchase",),
        noun=N_("return on cost"),
        statistic="worth",
        model="roi",
        unit_of_measure=N_("earned for each {currency} spent"),
        cap=Decimal(10_000),
        money=True,
        decides=False,
        scale="return",
    ),
)

_BY_KEY = {metric.key: metric for metric in METRICS}


def _defaults(part: Default) -> tuple[str, ...]:
    return tuple(found.key for found in METRICS if found.default == part)


(DEFAULT_PRIMARY,) = _defaults("primary")
DEFAULT_METRICS = _defaults("other")
DEFAULT_GUARDRAILS = _defaults("guardrail")
WORD_OF_MOUTH = tuple(found.key for found in METRICS if found.kind == "cascade")
"""Measured from the members whom a member brought."""


def _first(kind: Kind, scale: Scale) -> str:
    return next(found.key for found in METRICS if (found.kind, found.scale) == (kind, scale))


REVENUE = _first("amount", "money")
HALF_LIFE = _first("retention", "days")
K_FACTOR = _first("cascade", "brought")
REACH = _first("cascade", "times")
NET_VALUE = _first("value", "money")
"""Keys of the metrics that have rules or sections beyond what a line declares."""


def find(key: str) -> Metric | None:
    """Return the metric of a key, built-in or of a custom outcome, or None where there is none."""
    return _BY_KEY.get(key) or custom_metric(key)


def metric(key: str) -> Metric:
    """Return the metric of a key.

    Raises
    ------
    NotFoundError
        With the known keys, where there is none.
    """
    found = find(key)
    if found is None:
        known = ", ".join(sorted(_BY_KEY))
        raise NotFoundError(f"There is no metric {key!r}; the metrics are {known}.", code="metric_unknown")
    return found


def unwatched_types(primary: str, guardrails: Sequence[str]) -> tuple[str, ...]:
    """Return the event types of the default guardrails that neither the primary metric nor a guardrail counts."""
    watched = {kind for key in (primary, *guardrails) for kind in metric(key).event_types}
    types = dict.fromkeys(kind for key in DEFAULT_GUARDRAILS for kind in metric(key).event_types)
    return tuple(kind for kind in types if kind not in watched)
