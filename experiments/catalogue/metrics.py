"""The metrics: each one a line of the tuple below, and everything else follows from what the line declares.

A metric says which events of a member count, how they become one number a member, and which model reads it. `collect`
turns the declaration into one expression, the analysis stores it beside its result, the pages show its sentence.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

from experiments.errors import NotFoundError

DAY_US = 86_400_000_000
"""A later day begins this many microseconds after a member's first exposure: 24 hours, not midnight."""

# Currencies whose smallest unit is the whole one: their amounts run a hundred times higher.
_WHOLE_UNIT_CURRENCIES = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF", "XPF", "IDR"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured outcome of a member within the attribution window.

    Attributes
    ----------
    key : str
        Its name in the API.
    name : str
        Its name on screen.
    hint : str
        One sentence for the reader; ``{window}`` stands for the window in days.
    kind : str
        Its sufficient statistic: ``proportion`` (did it or not), ``amount`` (a sum a member), ``count`` (how many
        times), ``ratio`` (one sum over another), ``retention`` (when members came back), ``cascade`` (whom they
        brought) or ``value`` (what all of it is worth).
    events : tuple of str
        Event types that count anywhere in the window.
    later_events : tuple of str
        Event types that count only from 24 hours after first exposure on.
    statistic : str
        How a member's events become what is measured: ``any``, ``count``, ``sum`` of values, ``mean`` (sum of values
        over the number of events that carry one), ``days`` (distinct whole days since first exposure), ``brought``
        (who came through the member, by the exposures themselves) or ``worth`` (money and actions by their weights).
    model : str
        Key of the posterior model.
    direction : str
        ``up`` where more is better, ``down`` where less is.
    unit_of_measure : str
        What a figure is in; ``{currency}`` stands for the experiment's currency.
    cap : Decimal or None
        A member's amount is cut here (winsorised), so that one member cannot decide; how many were cut is kept.
    money : bool
        Whether values are money: only events in the experiment's currency add up.
    property_name : str or None
        Where the value stands in an event's properties; None for the event's own value.
    decides : bool
        Whether a verdict may rest on it, so that it can be the primary metric or a guardrail.
    population : str
        ``direct``: what randomised members do themselves.
    """

    key: str
    name: str
    hint: str
    kind: Literal["proportion", "amount", "count", "ratio", "retention", "cascade", "value"]
    events: tuple[str, ...]
    later_events: tuple[str, ...] = ()
    statistic: Literal["any", "count", "sum", "mean", "days", "brought", "worth"] = "any"
    model: str = "conversion"
    direction: Literal["up", "down"] = "up"
    unit_of_measure: str = "share of members"
    cap: Decimal | None = None
    money: bool = False
    population: str = "direct"
    property_name: str | None = None
    decides: bool = True

    @property
    def event_types(self) -> tuple[str, ...]:
        """Every event type the metric looks at, each once."""
        return tuple(dict.fromkeys(self.events + self.later_events))

    def cap_in(self, currency: str) -> Decimal | None:
        """The cap in a currency: a hundred times higher where the currency has no smaller unit."""
        if self.cap is not None and self.money and currency in _WHOLE_UNIT_CURRENCIES:
            return self.cap * 100
        return self.cap

    def definition(self, currency: str, window_days: int, clock_tolerance_seconds: float = 0) -> dict[str, Any]:
        """The whole declaration as it held in one analysis, ready for JSON."""
        earlier = f", less {clock_tolerance_seconds:g} seconds for clocks that are behind"
        cap = self.cap_in(currency)
        return asdict(self) | {
            "events": list(self.events),
            "later_events": list(self.later_events),
            "hint": self.hint.format(window=window_days),
            "unit_of_measure": self.unit_of_measure.format(currency=currency),
            "cap": None if cap is None else str(cap),
            "window_days": window_days,
            "counts_from": "the member's first exposure" + (earlier if clock_tolerance_seconds else ""),
            "clock_tolerance_seconds": clock_tolerance_seconds,
            "later_day": "24 hours or more after the member's first exposure",
        }


# Whatever shows that a member was there again.
_ACTIVITY = ("view", "click", "dwell", "share", "purchase", "comment", "review")

METRICS: tuple[Metric, ...] = (
    Metric(
        "sticky_rate",
        "Sticky members",
        "Share of members who came back on a later day, shared or bought within {window} days.",
        "proportion",
        ("share", "purchase"),
        _ACTIVITY,
    ),
    Metric(
        "click_rate",
        "Click rate",
        "Share of members who clicked at least once within {window} days.",
        "proportion",
        ("click",),
    ),
    Metric(
        "return_rate",
        "Came back",
        "Share of members who were there again 24 hours or more after first seeing it, within {window} days.",
        "proportion",
        (),
        _ACTIVITY,
    ),
    Metric(
        "share_rate",
        "Share rate",
        "Share of members who passed it on at least once within {window} days.",
        "proportion",
        ("share",),
    ),
    Metric(
        "purchase_rate",
        "Purchase rate",
        "Share of members who bought at least once within {window} days.",
        "proportion",
        ("purchase",),
    ),
    Metric(
        "response_rate",
        "Response rate",
        "Share of members who commented, reviewed or posted about it within {window} days.",
        "proportion",
        ("comment", "review", "mention"),
    ),
    Metric(
        "revenue",
        "Revenue per member",
        "What members spent within {window} days, divided by all members; each member's sum is cut at the cap.",
        "amount",
        ("purchase",),
        statistic="sum",
        model="amount",
        unit_of_measure="{currency} per member",
        cap=Decimal(10_000),
        money=True,
    ),
    Metric(
        "orders",
        "Orders per member",
        "How many purchases members made within {window} days, divided by all members.",
        "count",
        ("purchase",),
        statistic="count",
        model="count",
        unit_of_measure="orders per member",
    ),
    Metric(
        "dwell",
        "Dwell time",
        "Seconds members stayed within {window} days, divided by all members; each member's sum is cut at an hour.",
        "amount",
        ("dwell",),
        statistic="sum",
        model="amount",
        unit_of_measure="seconds per member",
        cap=Decimal(3_600),
    ),
    Metric(
        "negative_rate",
        "Complaints",
        "Share of members who hid, reported, unsubscribed or complained within {window} days.",
        "proportion",
        ("negative",),
        direction="down",
    ),
    Metric(
        "order_value",
        "Order value",
        "What one order was worth on average, of the orders of members within {window} days; each member's sum is cut "
        "at the cap.",
        "ratio",
        ("purchase",),
        statistic="mean",
        model="ratio",
        unit_of_measure="{currency} per order",
        cap=Decimal(10_000),
        money=True,
    ),
    Metric(
        "sentiment",
        "Sentiment",
        "How kind members' posts about it were, from −1 to 1, averaged over the posts within {window} days that say.",
        "ratio",
        ("mention",),
        statistic="mean",
        model="signed_ratio",
        unit_of_measure="from −1 to 1",
        property_name="sentiment",
    ),
    Metric(
        "earned_reach",
        "Earned reach",
        "People reached by members' own posts within {window} days, divided by all members; each member's sum is cut "
        "at a million.",
        "amount",
        ("mention",),
        statistic="sum",
        model="amount",
        unit_of_measure="people per member",
        cap=Decimal(1_000_000),
        property_name="reach",
    ),
    Metric(
        "active_days",
        "Active days",
        "On how many days after the first one members were there again within {window} days, divided by all members.",
        "count",
        (),
        _ACTIVITY,
        statistic="days",
        model="count",
        unit_of_measure="days per member",
    ),
    Metric(
        "half_life",
        "Half-life",
        "Days until half of those who ever return within {window} days have returned for the last time.",
        "retention",
        (),
        _ACTIVITY,
        statistic="days",
        model="retention",
        unit_of_measure="days",
        decides=False,
    ),
    Metric(
        "k_factor",
        "New members per member",
        "How many members each member brings within {window} days of meeting it; above 1 it spreads by itself. Who "
        "brought whom is known from imports alone, until share links exist.",
        "cascade",
        (),
        statistic="brought",
        model="k_factor",
        unit_of_measure="new members per member",
        population="total",
        decides=False,
    ),
    Metric(
        "reach",
        "Reach",
        "How many members meet it in the end for each one who is shown it, all that follow included. Who brought whom "
        "is known from imports alone, until share links exist.",
        "cascade",
        (),
        statistic="brought",
        model="reach",
        unit_of_measure="members per randomised member",
        population="total",
        decides=False,
    ),
    Metric(
        "net_value",
        "Net value per member",
        "What members' purchases (by the margin) and actions (by their declared worth) bring within {window} days, "
        "less what the variant costs, divided by all members.",
        "value",
        ("purchase",),
        statistic="worth",
        model="net_value",
        unit_of_measure="{currency} per member",
        cap=Decimal(10_000),
        money=True,
    ),
    Metric(
        "roi",
        "Return on cost",
        "Net value within {window} days for each unit of money that the variant costs.",
        "value",
        ("purchase",),
        statistic="worth",
        model="roi",
        unit_of_measure="earned for each {currency} spent",
        cap=Decimal(10_000),
        money=True,
        decides=False,
    ),
)

_BY_KEY = {metric.key: metric for metric in METRICS}


def metric(key: str) -> Metric:
    """The metric of a key.

    Raises
    ------
    NotFoundError
        With the known keys, where there is none.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        known = ", ".join(sorted(_BY_KEY))
        raise NotFoundError(f"There is no metric {key!r}; the metrics are {known}.", code="metric_unknown") from None
