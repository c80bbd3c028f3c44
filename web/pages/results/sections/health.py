"""The health of the data on the results page: each check with its sign and its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.health.checks import BY_KEY, is_note
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.sections.provenance import set_aside


@dataclass(frozen=True)
class HealthItem:
    """One check; `short` for one that is in order, `name`, `sentence` and `next_step` for one that is not."""

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
    return Health(health_items(context.checks), set_aside((result.get("units") or {}).get("excluded") or {}))


def health_items(checks: Sequence[Mapping[str, Any]]) -> tuple[HealthItem, ...]:
    """Return the checks with what is wrong first, each marked by a sign and a word besides its colour."""
    order = {"fail": 0, "warn": 1, "info": 2, "ok": 3}
    return tuple(sorted(map(_health_item, checks), key=lambda item: order[item.status]))


def _health_item(check: Mapping[str, Any]) -> HealthItem:
    key, sentence = check["check"], check["detail"]
    declared = BY_KEY[key]
    status = "info" if is_note(key, check["value"]) else check["status"]
    mark, said = explanations.MARKS[status]
    short = sentence.rstrip(".")
    if not check["next_step"]:
        sentence = f"{sentence} {gettext(declared.meaning)}"
    return HealthItem(key, status, mark, said, short, gettext(declared.name), sentence, check["next_step"])
