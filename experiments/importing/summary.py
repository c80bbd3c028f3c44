"""An import in sentences: what was read, how it was read, and what does not count; the same on page and terminal."""

from collections.abc import Iterator

from experiments.catalogue.event_types import KNOWN, meant
from experiments.importing.plan import Plan
from experiments.importing.store import ImportSummary
from experiments.importing.values import Times
from experiments.translation import gettext, ngettext
from experiments.translation.filling import filled


def summary_lines(summary: ImportSummary, plan: Plan) -> list[str]:
    """Return what was imported, then every note of `notes`."""
    total = sum(summary.members.values())
    imported = gettext("Imported {name} ({key}): {members:,} members in {variants} variants.")
    lines = [filled(imported, name=summary.name, key=summary.key, members=total, variants=len(summary.members))]
    mapped = [
        gettext("{column} as {meaning}").format(column=column, meaning=meaning)
        for meaning, column in plan.columns.items()
        if column != meaning
    ]
    if mapped:
        lines.append(gettext("Columns: {columns}.").format(columns=", ".join(mapped)))
    return [*lines, *notes(summary)]


def notes(summary: ImportSummary) -> list[str]:
    """Return a sentence for whatever was converted, set aside or does not count."""
    return [*_times(summary.times), *_events(summary)]


def _events(summary: ImportSummary) -> Iterator[str]:
    if summary.events:
        by_type = ", ".join(
            filled("{count:,} {type}", count=count, type=type_) for type_, count in sorted(summary.events.items())
        )
        yield gettext("Events: {events}.").format(events=by_type)
    for type_ in sorted(set(summary.events) - KNOWN.keys()):
        known = meant(type_)
        text = (
            gettext("No built-in metric counts the type {type!r}. Did you mean {known}?")
            if known
            else gettext("No built-in metric counts the type {type!r}. Set its value as an action to count it.")
        )
        yield text.format(type=type_, known=known)
    if summary.unwatched:
        text = ngettext(
            "{count:,} complaint is counted by no guardrail. Watch it with --guardrails negative_rate.",
            "{count:,} complaints are counted by no guardrail. Watch them with --guardrails negative_rate.",
            summary.unwatched,
        )
        yield filled(text, count=summary.unwatched)
    if summary.uncounted:
        text = gettext("{count:,} events are outside their member's window: stored, but not counted.")
        yield filled(text, count=summary.uncounted)


def _times(times: Times) -> Iterator[str]:
    if times.local:
        text = ngettext(
            "{count:,} time without an offset is read in {zone}.",
            "{count:,} times without an offset are read in {zone}.",
            times.local,
        )
        yield filled(text, count=times.local, zone=times.zone)
    if times.skipped:
        text = ngettext(
            "{count:,} of them is in the hour that daylight-saving time skips; it is moved forward by that hour.",
            "{count:,} of them are in the hour that daylight-saving time skips; they are moved forward by that hour.",
            times.skipped,
        )
        yield filled(text, count=times.skipped)
    if times.repeated:
        text = ngettext(
            "{count:,} of them is in the hour that occurs twice; it is read as the first.",
            "{count:,} of them are in the hour that occurs twice; they are read as the first.",
            times.repeated,
        )
        yield filled(text, count=times.repeated)
