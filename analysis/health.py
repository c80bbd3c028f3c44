"""Health checks: reasons not to believe a test, whatever its numbers say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2

from analysis.errors import AnalysisError
from analysis.wording import NARROW, listed, percent

Status = Literal["ok", "warn", "fail"]
SRM_ALARM = 0.001
#: How concentrated on the plan the alternative of the SRM test is: 1,000 finds most of the faulty Upworthy tests (58 %;
#: 51 % with 100 or 10,000) and rings for 0.15 % of the sound ones.
SRM_CONCENTRATION = 1000.0


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


def srm_p_values(counts: np.ndarray, weights: np.ndarray, concentration: float = SRM_CONCENTRATION) -> np.ndarray:
    """Return the sequential p-values of the split, ``min(1, 1 / Bayes factor)``, for rows of counts.

    Dirichlet-multinomial Bayes factor against the planned split (Lindon and Malek 2022, arXiv 2011.03567); the
    probability that it ever falls below x while the split is right is at most x, so it may be looked at any time.

    Parameters
    ----------
    counts : array of shape (..., variants)
    weights : array of shape (variants,)
        Planned shares, above 0; scaled to 1.
    """
    counts, share = np.asarray(counts, float), np.asarray(weights, float) / np.sum(weights)
    prior = concentration * share
    log_bayes = (
        gammaln(concentration)
        - gammaln(concentration + counts.sum(-1))
        + (gammaln(prior + counts) - gammaln(prior)).sum(-1)
        - (counts * np.log(share)).sum(-1)
    )
    return np.exp(-np.maximum(log_bayes, 0.0))


def chi_square_p(counts: Mapping[str, int], weights: Mapping[str, float]) -> tuple[float, float]:
    """Return Pearson's chi-square against the planned split, and its p (no continuity correction)."""
    seen = np.array([counts[key] for key in weights], float)
    planned = np.array(list(weights.values()), float)
    expected = seen.sum() * planned / planned.sum()
    statistic = float(((seen - expected) ** 2 / expected).sum())
    return statistic, float(chi2.sf(statistic, len(seen) - 1))


def srm(
    counts: Mapping[str, int],
    weights: Mapping[str, float],
    *,
    once: bool = False,
    labels: Mapping[str, str] | None = None,
) -> HealthCheck:
    """Check the observed split against the planned weights.

    Fails where the anytime-valid p falls below 0.001, warns where only the chi-square p does.

    Parameters
    ----------
    counts, weights : mapping of variant key to members, to planned share
        Weights are scaled to 1.
    once : bool
        The split is looked at a single time (an imported, finished test): then the chi-square itself decides, which
        needs no price for looking.
    labels : mapping of variant key to text
        What to call a variant; its key by default.

    Raises
    ------
    AnalysisError
        A weight that is not above 0, a variant without a weight, a negative count.
    """
    unknown = [key for key in counts if key not in weights]
    if unknown:
        raise AnalysisError("unknown_variant", f"Variant {unknown[0]!r} has members but no planned weight.")
    if len(weights) < 2:
        raise AnalysisError("too_few_variants", f"A split needs at least 2 variants, not {len(weights)}.")
    for key, weight in weights.items():
        if not (math.isfinite(weight) and weight > 0):
            raise AnalysisError("bad_request", f"The weight of {key!r} is {weight}; give a number above 0.")
        if counts.get(key, 0) < 0:
            raise AnalysisError("bad_request", f"Variant {key!r} has {counts[key]} members; a count is 0 or more.")
    full = {key: counts.get(key, 0) for key in weights}
    total = sum(full.values())
    if total == 0:
        return HealthCheck("srm", "warn", None, "Nobody has been counted yet, so the split cannot be checked.")
    _, fixed = chi_square_p(full, weights)
    anytime = float(srm_p_values(np.array(list(full.values())), np.array(list(weights.values()))))
    p = fixed if once else anytime
    split, planned = _split_in_words(full, weights, labels or {})
    priced = "it is looked at once" if once else f"with the price of looking every day, p = {anytime:.2g}"
    figures = f"chi-square p = {fixed:.2g}; {priced}; the alarm rings below {SRM_ALARM}"
    if p < SRM_ALARM:
        return HealthCheck(
            "srm",
            "fail",
            p,
            f"The split is not the planned one: {split}, where {planned} was planned. "
            "So the groups differ in more than the content.",
            "Find out why members of a variant go missing: redirects, slow pages, logging that fails, filtered bots. "
            "Then start a new run; this one cannot be repaired.",
            figures,
        )
    if fixed < SRM_ALARM:
        return HealthCheck(
            "srm",
            "warn",
            p,
            f"The split looks uneven: {split}, where {planned} was planned. It may still be chance.",
            "Look again tomorrow, and see whether a variant is slower or logs less than the others.",
            figures,
        )
    return HealthCheck("srm", "ok", p, f"Split as planned: {split}.", "", figures)


def _split_in_words(
    counts: Mapping[str, int], weights: Mapping[str, float], labels: Mapping[str, str]
) -> tuple[str, str]:
    """Return the members of each variant, e.g. ``3,394 A and 3,620 B``, and the planned shares in the same way."""
    names, whole = {key: labels.get(key, key) for key in counts}, sum(weights.values())
    seen = [f"{n:,} {names[key]}" for key, n in counts.items()]
    shares = [f"{100 * weights[key] / whole:.3g}{NARROW}% {names[key]}" for key in counts]
    return listed(seen), listed(shares)


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


def multi_exposed(multi_exposed: int, randomised: int) -> HealthCheck:
    """Check the share of members who met two variants without a share link; they are set aside."""
    return _share_check(
        "multi_exposed",
        multi_exposed,
        max(randomised + multi_exposed, 0),
        (0.01, 0.10),
        "Nobody met two variants.",
        "{share} of the members met two variants and were set aside.",
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
