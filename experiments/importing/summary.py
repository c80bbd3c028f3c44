"""An import in sentences: what was read, how it was read, and what does not count; the same on page and terminal."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from experiments.catalogue.event_types import KNOWN, meant
from experiments.importing.plan import Plan
from experiments.importing.rows import Rows
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
    return [
        *_rows(summary.rows),
        *_aside(summary),
        *_blanks(summary),
        *_times(summary.times),
        *_events(summary),
    ]


def _rows(rows: Rows) -> Iterator[str]:
    if rows.aside:
        text = gettext("Rows: {read:,} read, {used:,} used, {aside:,} set aside.")
        yield filled(text, read=rows.read, used=rows.used, aside=rows.read - rows.used)
    elif rows.read:
        yield filled(gettext("Rows: {read:,} read, all used."), read=rows.read)
    if rows.added:
        text = ngettext(
            "{count:,} further row of a member is an observation: its outcome is added to the member ({unit}).",
            "{count:,} further rows of members are observations: their outcomes are added to the member ({unit}).",
            rows.added,
        )
        yield filled(text, count=rows.added, unit=rows.unit)


def _aside(summary: ImportSummary) -> Iterator[str]:
    rows = summary.rows
    if count := rows.aside.get("condition"):
        text = ngettext(
            "{count:,} row does not meet the condition.", "{count:,} rows do not meet the condition.", count
        )
        yield filled(text, count=count)
    if count := rows.aside.get("repeated"):
        text = ngettext(
            "{count:,} row repeats a member in the same variant; the member's first exposure counts.",
            "{count:,} rows repeat a member in the same variant; the member's first exposure counts.",
            count,
        )
        yield filled(text, count=count)
    if rows.unheard:
        text = ngettext(
            "{count:,} of them has an outcome, which is not counted. To add outcomes up, name the unit with --unit.",
            "{count:,} of them have an outcome, which is not counted. To add outcomes up, name the unit with --unit.",
            rows.unheard,
        )
        yield filled(text, count=rows.unheard)
    if count := rows.aside.get("two_variants"):
        text = ngettext(
            "{count:,} row belongs to {members:,} members in two variants, who are excluded.",
            "{count:,} rows belong to {members:,} members in two variants, who are excluded.",
            count,
        )
        yield filled(text, count=count, members=summary.in_two)


def _blanks(summary: ImportSummary) -> Iterator[str]:
    for type_, count in sorted(summary.blanks.items()):
        text = ngettext(
            "{count:,} amount of {type} is blank and counts as none.",
            "{count:,} amounts of {type} are blank and count as none.",
            count,
        )
        yield filled(text, count=count, type=type_)


def document(summary: ImportSummary, plan: Plan) -> dict[str, Any]:
    """Return the summary as plain JSON values, with its sentences."""
    return asdict(summary) | {"notes": summary_lines(summary, plan)}


def _events(summary: ImportSummary) -> Iterator[str]:
    if summary.events:
        by_type = ", ".join(
            filled("{count:,} {type}", count=count, type=type_) for type_, count in sorted(summary.events.items())
        )
        yield gettext("Events: {events}.").format(events=by_type)
    for type_ in sorted(set(summary.events) - KNOWN.keys() - set(summary.counted)):
        known = meant(type_)
        text = (
            gettext("No metric counts the type {type!r}. Did you mean {known}?")
            if known
            else gettext("No metric counts the type {type!r}. Count it with --metrics share_of_{type}.")
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
