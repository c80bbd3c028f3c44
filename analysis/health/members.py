"""Checks of members: exclusions, bots, and members who saw two variants."""

from __future__ import annotations

from analysis.errors import AnalysisError
from analysis.health.data import HealthData
from analysis.health.result import HealthCheck, Limits, judge_share, share_of
from analysis.messages import message


def multi_exposed(data: HealthData) -> HealthCheck | None:
    """Check the share of members who saw two variants without a share link, and were excluded for it."""
    if data.totals_only:
        return None
    share = share_of("multi_exposed", data.multi_exposed, data.randomised + data.multi_exposed)
    return judge_share(
        "multi_exposed",
        share,
        Limits(0.01, 0.10),
        none=message("health.multi_exposed.none"),
        # Excluding them removes a larger share of a smaller variant.
        some=message("health.multi_exposed.uneven" if data.uneven else "health.multi_exposed.some", share=share),
        next_step=message("health.multi_exposed.next_step"),
    )


def bots(data: HealthData) -> HealthCheck | None:
    """Check the share of bots among all who were exposed; they are excluded."""
    if data.totals_only:
        return None
    share = share_of("bots", data.bots, data.randomised + data.shared + data.multi_exposed + data.bots)
    return judge_share(
        "bots",
        share,
        Limits(0.20, 0.60),
        none=message("health.bots.none"),
        some=message("health.bots.some", share=share),
        next_step=message("health.bots.next_step"),
    )


def crossing(data: HealthData) -> HealthCheck | None:
    """Check the share of randomised members who saw another variant through a share link (interference)."""
    if data.totals_only or not (data.shared or data.crossed):
        return None
    share = share_of("crossing", data.crossed, data.randomised)
    return judge_share(
        "crossing",
        share,
        Limits(0.05),
        none=message("health.crossing.none"),
        some=message("health.crossing.some", share=share),
        next_step=message("health.crossing.next_step"),
    )


def immature(data: HealthData) -> HealthCheck | None:
    """Report the share of members whose attribution window is still open: for information, nothing to fix."""
    if data.totals_only or data.imported:
        return None
    share = share_of("immature", data.immature, data.randomised)
    return judge_share(
        "immature",
        share,
        Limits(1.0),
        none=message("health.immature.none", days=data.window_days),
        some=message("health.immature.some", share=share, days=data.window_days),
    )


def file_rows(data: HealthData) -> HealthCheck | None:
    """Report how many rows of an imported file were used, and why the others were set aside."""
    rows = data.file_rows
    if rows is None:
        return None
    read, used = rows["read"], rows["used"]
    aside = {reason: n for reason, n in rows.items() if reason not in ("read", "used")}
    if used + sum(aside.values()) != read:
        raise AnalysisError("bad_request", f"{read} rows read are not {used} used and {sum(aside.values())} set aside.")
    share = share_of("file_rows", read - used, read)
    if not aside:
        return HealthCheck("file_rows", "ok", share, message("health.file_rows.all", rows=read))
    parts = tuple(message(f"health.file_rows.{reason}", rows=n) for reason, n in aside.items())
    return HealthCheck("file_rows", "ok", share, message("health.file_rows.some", read=read, used=used, aside=parts))
