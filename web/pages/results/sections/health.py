"""The health of the data on the results page: each check with its sign and its sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis import HealthCheck
from analysis.health.checks import BY_KEY, is_note
from experiments.reporting.sentences.wording import Wording
from experiments.translation import gettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.sections.provenance import events_set_aside, excluded_members


@dataclass(frozen=True)
class HealthItem:
    """One check; `short` is shown of one in order, `name`, `sentence` and `next_step` of one that is not.

    `status_name` names the status for a screen reader.
    """

    check: str
    status: str
    mark: str
    status_name: str
    short: str
    name: str
    sentence: str
    next_step: str


@dataclass(frozen=True)
class Health:
    """The section: the checks, and a sentence on the members and events that were excluded."""

    items: tuple[HealthItem, ...]
    excluded: str


def build(context: Context) -> Health:
    """Return the section."""
    units = context.answer.heading.units
    left_out = " ".join(filter(None, (excluded_members(units.excluded), events_set_aside(units.events_set_aside))))
    return Health(health_items(context.checks, context.reading.wording), left_out)


def health_items(checks: Sequence[HealthCheck], words: Wording) -> tuple[HealthItem, ...]:
    """Return the checks with what is wrong first, each marked by a sign and a word besides its colour."""
    order = {"fail": 0, "warn": 1, "info": 2, "ok": 3}
    items = (_health_item(check, words) for check in checks)
    return tuple(sorted(items, key=lambda item: order[item.status]))


def _health_item(check: HealthCheck, words: Wording) -> HealthItem:
    sentence, next_step = words.text(check.detail), words.text(check.next_step)
    declared = BY_KEY[check.check]
    status = "info" if is_note(check) else check.status
    mark, name = explanations.MARKS[status]
    short = sentence
    if not next_step:
        sentence = f"{sentence} {gettext(declared.meaning)}"
    return HealthItem(check.check, status, mark, gettext(name), short, gettext(declared.name), sentence, next_step)
