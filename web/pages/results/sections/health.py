"""The health of the data on the results page: each check with its sign, its words and its times."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reporting.numbers import spoken_times
from web.pages.results import words
from web.pages.results.context import Context
from web.pages.results.sections.provenance import set_aside


@dataclass(frozen=True)
class HealthItem:
    """One check; `short` for one that is in order, `sentence` and `next_step` for one that is not."""

    check: str
    status: str
    mark: str
    said: str
    short: str
    name: str
    sentence: str
    next_step: str


@dataclass(frozen=True)
class Health:
    """The section: the checks, and a sentence on the members that were excluded."""

    items: tuple[HealthItem, ...]
    set_aside: str


def build(context: Context) -> Health:
    """Return the section."""
    result = context.result
    items = health_items(context.checks, context.plan.zone, str(result.get("cut_off") or ""))
    return Health(items, set_aside((result.get("units") or {}).get("excluded") or {}))


def health_items(checks: Sequence[Mapping[str, Any]], zone: str = "UTC", cut_off: str = "") -> tuple[HealthItem, ...]:
    """The checks with what is wrong first, each marked by a sign and a word besides its colour.

    Parameters
    ----------
    zone, cut_off
        Where times are told, and the end of the data in ISO 8601: on its day the time alone is enough.
    """
    order = {"fail": 0, "warn": 1, "info": 2, "ok": 3}
    items = [_health_item(check, zone, cut_off) for check in checks]
    return tuple(sorted(items, key=lambda item: order[item.status]))


def _status(check: Mapping[str, Any]) -> str:
    """An open window is nothing to worry about: many of them are worth knowing, a few are in order."""
    if check["check"] == "immature":
        return "info" if (check.get("value") or 0.0) > 0.25 else "ok"
    return str(check["status"])


def _health_item(check: Mapping[str, Any], zone: str, cut_off: str) -> HealthItem:
    key, status = check["check"], _status(check)
    mark, said = words.MARKS[status]
    name = words.CHECK_NAMES.get(key, key.replace("_", " ").capitalize())
    sentence, next_step = spoken_times(str(check["detail"]), zone, cut_off), str(check.get("next_step") or "")
    short = re.sub(r" \([^)]*\)", "", sentence).rstrip(".")
    if key == "immature":
        short = short.partition(":")[0]
    if status == "ok":
        sentence, next_step = " ".join(filter(None, (sentence, words.MEANINGS.get(key)))), ""
    return HealthItem(key, status, mark, said, short, name, sentence, next_step)
