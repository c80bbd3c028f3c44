"""Health checks: reasons not to believe a test, whatever its numbers say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from scipy.stats import binom

from analysis.errors import AnalysisError
from analysis.health.srm import Epoch, Split, judge
from analysis.wording import NARROW, listed, percent

Status = Literal["ok", "warn", "fail"]
SRM_ALARM = 0.001
#: So many more winners in A/A experiments than allowed have less than these chances.
AA_DOUBT, AA_ALARM = 0.05, 0.001


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One check.

    Attributes
    ----------
    check : str
        Its stable name.
    status : {"ok", "warn", "fail"}
        A fail makes every verdict "untrusted".
    value : float or None
        The figure behind it.
    detail : str
        What it means here, in one sentence.
    next_step : str
        What to do; empty where nothing is to be done.
    figures : str
        For analysts: the test's own numbers, where the sentence leaves them out.
    """

    check: str
    status: Status
    value: float | None
    detail: str
    next_step: str = ""
    figures: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HealthCheck:
        return cls(**data)


def srm(
    counts: Mapping[str, int],
    weights: Mapping[str, float],
    *,
    once: bool = False,
    fraction: float | None = None,
    rang: bool = False,
    labels: Mapping[str, str] | None = None,
) -> HealthCheck:
    """Check the observed split against the planned weights; see `srm_by_epoch`."""
    return srm_by_epoch([Epoch(counts, weights)], once=once, fraction=fraction, rang=rang, labels=labels)


def srm_by_epoch(
    epochs: Sequence[Epoch],
    *,
    once: bool = False,
    fraction: float | None = None,
    rang: bool = False,
    labels: Mapping[str, str] | None = None,
) -> HealthCheck:
    """Check the split of a run against the weights in force at the time.

    Fails where the p that may be looked at any time falls below 0.001, warns where only the chi-square's does.

    Parameters
    ----------
    epochs : sequence of Epoch
        One for each set of weights, in order.
    once : bool
        The split is looked at a single time (an imported, finished test): then the chi-square itself decides, which
        needs no price for looking.
    fraction : float or None
        Share of the planned duration that is over, which makes the test sharper; None without a plan.
    rang : bool
        An earlier analysis of this run has rung the alarm: what rang once counts, as for that the error was spent.
    labels : mapping of variant key to text
        What to call a variant; its key by default.

    Raises
    ------
    AnalysisError
        A weight that is not above 0, a variant without a weight, a negative count, no epoch.
    """
    if not epochs:
        raise AnalysisError("bad_request", "A split was asked for of no epoch; give the counts and weights of one.")
    if not any(epoch.n for epoch in epochs):
        return HealthCheck("srm", "warn", None, "Nobody has been counted yet, so the split cannot be checked.")
    split = judge(epochs, fraction)
    p = split.once if once else split.always if split.planned is None else split.planned
    seen, planned = _split_in_words(epochs, labels or {})
    figures = _figures(split, p, once=once)
    if p < SRM_ALARM or (rang and not once):
        return HealthCheck(
            "srm",
            "fail",
            p,
            f"The split is not the planned one: {seen}, where {planned} was planned. "
            "So the groups differ in more than the content.",
            "Find out why members of a variant go missing: redirects, slow pages, logging that fails, filtered bots. "
            "Then start a new run; this one cannot be repaired.",
            figures,
        )
    if split.once < SRM_ALARM:
        return HealthCheck(
            "srm",
            "warn",
            p,
            f"The split looks uneven: {seen}, where {planned} was planned. It may still be chance.",
            "Look again tomorrow, and see whether a variant is slower or logs less than the others.",
            figures,
        )
    return HealthCheck("srm", "ok", p, f"Split as planned: {seen}.", "", figures)


def _figures(split: Split, p: float, *, once: bool) -> str:
    """Return the test's own numbers, e.g. ``chi-square p = 0.2; ...``."""
    over = "" if split.freedom == 0 else f" ({split.statistic:.4g} on {split.freedom})"
    priced = "it is looked at once" if once else f"with the price of looking every day, p = {p:.2g}"
    return f"chi-square p = {split.once:.2g}{over}; {priced}; the alarm rings below {SRM_ALARM}"


def _split_in_words(epochs: Sequence[Epoch], labels: Mapping[str, str]) -> tuple[str, str]:
    """Return the members of each variant, e.g. ``3,394 A and 3,620 B``, and the planned shares in the same way."""
    seen: dict[str, int] = {}
    due: dict[str, float] = {}
    for epoch in epochs:
        for key, expected in zip(epoch.weights, epoch.expected, strict=True):
            seen[key] = seen.get(key, 0) + epoch.counts.get(key, 0)
            due[key] = due.get(key, 0.0) + float(expected)
    whole = sum(due.values())
    members = [f"{n:,} {labels.get(key, key)}" for key, n in seen.items()]
    shares = [f"{100 * n / whole:.3g}{NARROW}% {labels.get(key, key)}" for key, n in due.items()]
    return listed(members), listed(shares)


def _share_check(
    check: str, part: int, whole: int, limits: tuple[float, float], none: str, detail: str, next_step: str
) -> HealthCheck:
    """Judge a share against (warn above, fail above); `detail` has one ``{share}``, `none` is said of 0."""
    if part < 0 or whole < 0 or part > whole:
        raise AnalysisError("bad_request", f"{check}: {part} of {whole} is not a share; count 0 to {whole}.")
    share = part / whole if whole else 0.0
    warn, fail = limits
    status: Status = "fail" if share > fail else "warn" if share > warn else "ok"
    told = detail.format(share=percent(share, 1)) if part else none
    return HealthCheck(check, status, share, told, "" if status == "ok" else next_step)


def multi_exposed(multi_exposed: int, randomised: int, *, uneven: bool = False) -> HealthCheck:
    """Check the share of members who met two variants without a share link; they are set aside.

    Parameters
    ----------
    uneven : bool
        The variants' shares differ: then setting them aside takes more from the smaller, which is said.
    """
    bias = " As the split is uneven, that takes a larger part of the smaller variant and may tilt the comparison."
    return _share_check(
        "multi_exposed",
        multi_exposed,
        max(randomised + multi_exposed, 0),
        (0.01, 0.10),
        "Nobody met two variants.",
        "{share} of the members met two variants and were set aside." + (bias if uneven else ""),
        "See that the app keeps one id per member (before and after login) and asks for the variant once.",
    )


def immature(immature: int, randomised: int, window_days: float) -> HealthCheck:
    """Tell the share of members whose attribution window is still open: information, and nothing to repair."""
    return _share_check(
        "immature",
        immature,
        randomised,
        (1.0, 1.0),
        f"Every member has had the full {window_days:g} days.",
        f"{{share}} of the members are still inside their {window_days:g} days: what they still do will be added, "
        "so rates may rise until their time is over.",
        "",
    )


def late_events(late: int, events: int) -> HealthCheck:
    """Check the share of events that arrived long after they happened."""
    return _share_check(
        "late_events",
        late,
        events,
        (0.05, 1.0),
        "No event arrived late.",
        "{share} of the events arrived more than a day after they happened.",
        "See whether an app holds events back while offline; the newest days will still grow.",
    )


def crossing(crossed: int, randomised: int) -> HealthCheck:
    """Check the share of randomised members who met another variant through a share link (interference)."""
    return _share_check(
        "crossing",
        crossed,
        randomised,
        (0.05, 1.0),
        "Nobody crossed arms through a share.",
        "{share} of the members crossed arms through a share.",
        "Read small differences with care: members who see two variants make them look more alike than they are.",
    )


def bots(bots: int, seen: int) -> HealthCheck:
    """Check the share of bots among all who were met; they are set aside."""
    return _share_check(
        "bots",
        bots,
        seen,
        (0.20, 0.60),
        "No bots seen.",
        "{share} were bots and set aside.",
        "See where the traffic comes from; a link checker or a scraper may follow the campaign.",
    )


def clock_skew(ahead: int, events: int) -> HealthCheck:
    """Check the share of events whose sender's clock runs more than a minute ahead of ours."""
    return _share_check(
        "clock_skew",
        ahead,
        events,
        (0.05, 1.0),
        "No event's clock runs ahead of ours.",
        "{share} of the events carry a time more than a minute ahead of ours.",
        "See that the app's clock is right; times are kept as they were sent, never rewritten.",
    )


def before_exposure(early: int, events: int, tolerance_seconds: float) -> HealthCheck:
    """Check the share of events stamped before their member's first exposure, beyond the tolerance and within a day.

    Parameters
    ----------
    early, events : int
        Events that do not count for that reason, and events that do.
    """
    told = "event was" if early == 1 else "events were"
    return _share_check(
        "before_exposure",
        early,
        early + events,
        (0.05, 1.0),
        "No event was stamped before its member's first exposure.",
        f"{early:,} {told} stamped more than {tolerance_seconds:g} seconds before the member's first exposure, within "
        "a day, and do not count.",
        "Where members could not have acted before, see the app's clock, or leave `at` out: ours is taken.",
    )


def other_currency(purchases: int, currency: str) -> HealthCheck:
    """Tell of purchases in another currency than the experiment's, which are no money in it."""
    if purchases < 0:
        raise AnalysisError("bad_request", f"{purchases} purchases in another currency; a count is 0 or more.")
    if purchases == 0:
        return HealthCheck("currency", "ok", 0.0, f"Every purchase is in {currency}.")
    told = "purchase is" if purchases == 1 else "purchases are"
    counts = "it counts as a purchase" if purchases == 1 else "they count as purchases"
    return HealthCheck(
        "currency",
        "warn",
        float(purchases),
        f"{purchases:,} {told} in another currency than {currency}: {counts}, not as money.",
        f"Send amounts in {currency}, or make an experiment for each currency.",
    )


def aa_history(declared: Sequence[bool], allowed: float = 0.05) -> HealthCheck:
    """Check past A/A experiments, whose variants were the same: how many declared a winner all the same.

    Parameters
    ----------
    declared : sequence of bool
        For each finished A/A experiment, whether it declared a winner.
    allowed : float
        Share that may, by the rules in force (their alpha).

    Returns
    -------
    HealthCheck with the chance of so many or more as its value; None without any A/A experiment.
    """
    if not 0 < allowed < 1:
        raise AnalysisError(
            "bad_request", f"The allowed share {allowed} is not between 0 and 1; give the rules' alpha."
        )
    tests, winners = len(declared), sum(map(bool, declared))
    if tests == 0:
        return HealthCheck(
            "aa_history", "ok", None, "No A/A experiment has been run yet; one shows whether the set-up is sound."
        )
    p = float(binom.sf(winners - 1, tests, allowed))
    status: Status = "fail" if p < AA_ALARM else "warn" if p < AA_DOUBT else "ok"
    experiments = "A/A experiment" if tests == 1 else "A/A experiments"
    found = f"{winners:,} of {tests:,} {experiments} declared a winner, where {percent(allowed)} may"
    figures = f"binomial p = {p:.2g}"
    if status == "ok":
        return HealthCheck("aa_history", "ok", p, f"{found}.", "", figures)
    return HealthCheck(
        "aa_history",
        status,
        p,
        f"{found}: too many for chance, so differences appear where there are none.",
        "See whether one variant loads or logs differently, whether members are counted twice, and whether ids are "
        "kept; trust no small lead until an A/A experiment ends without a winner.",
        figures,
    )


def silence(
    last_event_at: datetime | None, now: datetime, warn_after_hours: float = 6.0, fail_after_hours: float = 48.0
) -> HealthCheck:
    """Check that events still arrive while the test runs; the sentence names the moment of the last one, in UTC."""
    if last_event_at is None:
        return HealthCheck(
            "silence",
            "warn",
            None,
            "No event has arrived yet.",
            "Send one with the snippet on the keys page and see that it appears here.",
        )
    hours = (now - last_event_at).total_seconds() / 3600
    at = last_event_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if hours <= warn_after_hours:
        return HealthCheck("silence", "ok", hours, f"Events are arriving; the last one at {at}.")
    return HealthCheck(
        "silence",
        "fail" if hours > fail_after_hours else "warn",
        hours,
        f"No event has arrived since {at}.",
        "See whether the app still sends events and its key is still valid; what was not logged cannot be recovered.",
    )
