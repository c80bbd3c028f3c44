"""Checks of members: exclusions, bots, and members who saw two variants."""

from __future__ import annotations

from typing import Final

from analysis.errors import AnalysisError
from analysis.health.data import HealthData
from analysis.health.result import HealthCheck, Limits, Status, judge_share, share_of
from analysis.messages import message

#: Share of early exposures above which the check warns: an app that is launched later than it is written sends some.
EARLY_WARNS: Final = 0.05


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


def outside_run(data: HealthData) -> HealthCheck | None:
    """Report units exposed only before the start or after the end of the run; early ones may be an app's slow clock."""
    number = data.before_start + data.after_end
    if data.totals_only or data.imported or not number:
        return None
    early = share_of("outside_run", data.before_start, data.randomised + data.before_start)
    status: Status = "warn" if early > EARLY_WARNS else "ok"
    if data.before_start and data.after_end:
        detail = message("health.outside_run.both", before=data.before_start, after=data.after_end)
    elif data.before_start:
        detail = message("health.outside_run.before", before=data.before_start)
    else:
        detail = message("health.outside_run.after", after=data.after_end)
    return HealthCheck(
        "outside_run",
        status,
        float(number),
        detail,
        None if status == "ok" else message("health.outside_run.next_step"),
    )


def carry_over(data: HealthData) -> HealthCheck | None:
    """Report members of an earlier run of the experiment; those who switched variants blur a difference."""
    if data.totals_only or data.imported or not data.carried_over:
        return None
    if data.new_only:
        detail = message("health.carry_over.excluded", members=data.carried_over)
        return HealthCheck("carry_over", "ok", 0.0, detail)
    randomised = max(data.randomised + data.multi_exposed, data.carried_over)
    return judge_share(
        "carry_over",
        share_of("carry_over", data.carried_over, randomised),
        Limits(0.05),
        none=message("health.carry_over.some", members=data.carried_over, switched=data.switched),
        some=message("health.carry_over.some", members=data.carried_over, switched=data.switched),
        next_step=message("health.carry_over.next_step"),
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


_ROWS_ASIDE: Final = {
    "condition": "health.file_rows.condition",
    "repeated": "health.file_rows.repeated",
    "two_variants": "health.file_rows.two_variants",
}
"""The code of each reason for which rows of a file are set aside."""


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
    parts = [message(_ROWS_ASIDE[reason], rows=n) for reason, n in aside.items()]
    return HealthCheck("file_rows", "ok", share, message("health.file_rows.some", read=read, used=used, aside=parts))
