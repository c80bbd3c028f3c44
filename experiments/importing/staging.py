"""A temporary SQLite file that stages members and events until all of them are read and valid.

It bounds memory for files of any size, finds repeated members and ids, and keeps the lock on the product's database
short: only the bulk insert at the end.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.importing.csv_file import MAX_LISTED, LineErrors
from experiments.importing.members import AFTER_EXPOSURE_US, ImportedEvent, Member
from experiments.importing.rows import OFTEN, Repeats
from experiments.translation import gettext

_BATCH = 5_000  # rows
_TABLES = """
CREATE TABLE member (line INTEGER, unit TEXT PRIMARY KEY, variant TEXT, at_us INTEGER, attributes TEXT,
                     brought_by TEXT, root TEXT, depth INTEGER, block INTEGER) WITHOUT ROWID;
CREATE TABLE repeat (line INTEGER, unit TEXT, variant TEXT, at_us INTEGER, attributes TEXT,
                     brought_by TEXT, root TEXT, depth INTEGER, block INTEGER);
CREATE TABLE contrary (unit TEXT PRIMARY KEY, variant TEXT, at_us INTEGER) WITHOUT ROWID;
CREATE TABLE event (line INTEGER, id TEXT PRIMARY KEY, unit TEXT, type TEXT, at_us INTEGER,
                        value_micro INTEGER, currency TEXT) WITHOUT ROWID;
"""


class Settled(NamedTuple):
    """What became of rows that repeat a member.

    Attributes
    ----------
    in_two : int
        Rows of members in two variants.
    members_in_two : int
        These members.
    repeated : int
        Further rows of other members, set aside.
    added : int
        Further rows of other members, whose outcomes were added up.
    unheard : int
        Of the rows set aside as repeated, those with an outcome.
    """

    in_two: int = 0
    members_in_two: int = 0
    repeated: int = 0
    added: int = 0
    unheard: int = 0


class Staging:
    """Staged members and events; a context manager that removes its file.

    Parameters
    ----------
    members, events
        Receive the errors between lines: repeated ids, unknown members.
    """

    def __init__(self, members: LineErrors, events: LineErrors) -> None:
        self._errors = {"member": members, "event": events}
        self._folder = tempfile.TemporaryDirectory(prefix="klette-import-")
        self._connection = sqlite3.connect(Path(self._folder.name) / "staging.sqlite", isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768;")
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")
        self._waiting: dict[str, list[Member | ImportedEvent]] = {"member": [], "event": []}

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def add_member(self, member: Member) -> None:
        """Stage a member."""
        self._add("member", member)

    def add_event(self, event: ImportedEvent) -> None:
        """Stage an event."""
        self._add("event", event)

    def finish(self) -> None:
        """Write the last batch; afterwards all rows can be read."""
        self._flush("member")
        self._flush("event")

    def report_unknown_members(self) -> None:
        """Record an error for each event whose member is not in the members' file."""
        unknown = "FROM event WHERE unit NOT IN (SELECT unit FROM member)"
        errors = self._errors["event"]
        for line, unit in self._connection.execute(f"SELECT line, unit {unknown} ORDER BY line LIMIT ?", (MAX_LISTED,)):
            message = gettext("{unit!r} is not in the members' file; add the member or remove the event")
            errors.add(line, message.format(unit=unit))
        count = self._connection.execute(f"SELECT count(*) {unknown}").fetchone()[0]
        errors.count += max(0, count - MAX_LISTED)

    def trace_shares(self) -> None:
        """Set the root and depth of each member that another member brought.

        A shared variant is the parent's. A member with another variant than the parent was therefore randomised
        earlier, a crossing: it keeps the parent's unit and is the root of a new cascade, without root or depth.
        Records an error for each parent that is not in the file and each chain that forms a loop.
        """
        if not self.has_shares():
            return
        run = self._connection.execute
        unknown = "brought_by IS NOT NULL AND brought_by NOT IN (SELECT unit FROM member)"
        self._report_parents(
            f"SELECT line, brought_by FROM member WHERE {unknown}",
            gettext("brought_by is {parent!r}, which is not a member in this file; add that member or clear the cell"),
        )
        run("CREATE INDEX member_brought_by ON member (brought_by)")
        run(
            "CREATE TEMP TABLE crossing AS SELECT child.unit FROM member AS child JOIN member AS parent "
            "ON parent.unit = child.brought_by WHERE parent.variant <> child.variant"
        )
        crossed = "unit IN (SELECT unit FROM crossing)"
        run(
            f"CREATE TEMP TABLE youngest AS SELECT unit, unit AS root FROM member WHERE brought_by IS NULL OR {crossed}"
        )
        depth = 0
        while run("SELECT 1 FROM youngest LIMIT 1").fetchone():
            depth += 1
            run(
                "CREATE TEMP TABLE born AS SELECT member.unit, youngest.root FROM youngest JOIN member "
                f"ON member.brought_by = youngest.unit WHERE NOT member.{crossed}"
            )
            run(
                "UPDATE member SET depth = ?, root = born.root FROM born WHERE member.unit = born.unit",
                (depth,),
            )
            run("DROP TABLE youngest")
            run("ALTER TABLE born RENAME TO youngest")
        self._report_parents(
            f"SELECT line, brought_by FROM member WHERE brought_by IS NOT NULL AND root IS NULL AND NOT ({unknown}) "
            f"AND NOT {crossed}",
            gettext(
                "brought_by is {parent!r}, but that chain has no root: it forms a loop, or a member in it is missing; "
                "clear the cell of the first member"
            ),
        )

    def _report_parents(self, statement: str, message: str) -> None:
        errors = self._errors["member"]
        for line, parent in self._connection.execute(f"{statement} ORDER BY 1 LIMIT ?", (MAX_LISTED,)):
            errors.add(line, message.format(parent=parent))
        count = self._connection.execute(f"SELECT count(*) FROM ({statement})").fetchone()[0]
        errors.count += max(0, count - MAX_LISTED)

    def has_shares(self) -> bool:
        """Return whether any member was brought by another."""
        return (
            self._connection.execute("SELECT 1 FROM member WHERE brought_by IS NOT NULL LIMIT 1").fetchone() is not None
        )

    def counts(self) -> dict[str, int]:
        """Return the number of members by variant key, without those in two variants."""
        kept = "unit NOT IN (SELECT unit FROM contrary)"
        return dict(self._connection.execute(f"SELECT variant, count(*) FROM member WHERE {kept} GROUP BY variant"))

    def types(self) -> dict[str, int]:
        """Return the number of events by type."""
        return dict(self._connection.execute("SELECT type, count(*) FROM event GROUP BY type"))

    def types_after(self, delay_us: int) -> set[str]:
        """Return the types with an event at least ``delay_us`` after its member's exposure."""
        return {
            type_
            for (type_,) in self._connection.execute(
                "SELECT DISTINCT type FROM event JOIN member USING (unit) WHERE event.at_us >= member.at_us + ?",
                (delay_us,),
            )
        }

    def span_us(self, window_us: int) -> tuple[int, int]:
        """Return the times of the first exposure and of the last exposure or counted event, in microseconds."""
        first, last = self._connection.execute("SELECT min(at_us), max(at_us) FROM member").fetchone()
        last_event = self._connection.execute(
            "SELECT max(event.at_us) FROM event JOIN member USING (unit) "
            "WHERE event.at_us >= member.at_us AND event.at_us < member.at_us + ?",
            (window_us,),
        ).fetchone()[0]
        return first, max(last, last_event or last)

    def uncounted(self, window_us: int) -> int:
        """Return the number of events that do not count: before their member's exposure or after its window."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM event JOIN member USING (unit) "
            "WHERE event.at_us < member.at_us OR event.at_us >= member.at_us + ?",
            (window_us,),
        ).fetchone()
        return int(count)

    def members(self, size: int = _BATCH) -> Iterator[list[Member]]:
        """Yield all members in batches, in the order of the exposure table's key, which makes inserting fast."""
        cursor = self._connection.execute(
            "SELECT line, unit, variant, at_us, attributes, brought_by, root, depth, block FROM member ORDER BY unit"
        )
        while batch := cursor.fetchmany(size):
            yield [Member(*row) for row in batch]

    def events(self, size: int = _BATCH) -> Iterator[list[ImportedEvent]]:
        """Yield all events in batches, by id."""
        cursor = self._connection.execute(
            "SELECT line, id, unit, type, at_us, value_micro, currency FROM event ORDER BY id"
        )
        while batch := cursor.fetchmany(size):
            yield [ImportedEvent(*row) for row in batch]

    def _add(self, table: str, row: Member | ImportedEvent) -> None:
        waiting = self._waiting[table]
        waiting.append(row)
        if len(waiting) >= _BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        waiting = self._waiting[table]
        if not waiting:
            return
        marks = ",".join("?" * len(waiting[0]))
        kept = self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", waiting).rowcount
        if kept < len(waiting):
            self._keep_repeats(waiting)
        waiting.clear()

    def _keep_repeats(self, rows: Sequence[Member | ImportedEvent]) -> None:
        """Keep the rows of members that have an earlier row; record an error for each repeated id of an event."""
        for row in rows:
            field = "unit" if isinstance(row, Member) else "id"
            table, value = ("member", row.unit) if isinstance(row, Member) else ("event", row.id)
            line = self._connection.execute(f"SELECT line FROM {table} WHERE {field} = ?", (value,)).fetchone()[0]
            if line == row.line:
                continue
            if isinstance(row, Member):
                self._connection.execute("INSERT INTO repeat VALUES (?,?,?,?,?,?,?,?,?)", row)
            else:
                message = gettext("the id {value!r} is already on line {line}; keep one of the two")
                self._errors["event"].add(row.line, message.format(value=value, line=line))

    def settle_repeats(self, repeats: Repeats, rows: int) -> Settled:
        """Decide on members with several rows; called before the events' file is read.

        The earliest row is the exposure. Members in two variants are excluded when the figures are computed, as in a
        live run. Outcomes of further rows are added to the member, or removed with their rows.

        Parameters
        ----------
        repeats
            "add", "first", or "auto": added if the file has outcomes and more than `OFTEN` of its rows repeat a member.
        rows
            The rows of the file that were read as members.
        """
        self._flush("member")
        self._flush("event")
        run = self._connection.execute
        (repeated,) = run("SELECT count(*) FROM repeat").fetchone()
        if not repeated:
            return Settled()
        self._swap_earlier()
        run(
            "INSERT INTO contrary SELECT unit, other, min(second_us) FROM (SELECT repeat.unit AS unit, "
            "repeat.variant AS other, repeat.at_us AS second_us FROM repeat JOIN member USING (unit) "
            "WHERE repeat.variant <> member.variant) GROUP BY unit"
        )
        in_two = "SELECT unit FROM contrary"
        (contrary,) = run(f"SELECT count(*) FROM repeat WHERE unit IN ({in_two})").fetchone()
        (members,) = run("SELECT count(*) FROM contrary").fetchone()
        (outcomes,) = run("SELECT EXISTS (SELECT 1 FROM event)").fetchone()
        add = repeats == "add" or (repeats == "auto" and outcomes and repeated - contrary > OFTEN * rows)
        if add:
            run(
                "UPDATE event SET at_us = (SELECT member.at_us FROM member WHERE member.unit = event.unit) + ? "
                "WHERE unit IN (SELECT unit FROM repeat)",
                (AFTER_EXPOSURE_US,),
            )
            return Settled(contrary + members, members, added=repeated - contrary)
        of_repeats = f"SELECT line FROM repeat WHERE unit NOT IN ({in_two})"
        (unheard,) = run(f"SELECT count(DISTINCT line) FROM event WHERE line IN ({of_repeats})").fetchone()
        run("DELETE FROM event WHERE line IN (SELECT line FROM repeat)")
        return Settled(contrary + members, members, repeated=repeated - contrary, unheard=unheard)

    def _swap_earlier(self) -> None:
        """Make the earliest row of each member the one that counts."""
        run = self._connection.execute
        columns = "line, unit, variant, at_us, attributes, brought_by, root, depth, block"
        # The earliest time and the lowest line of it, in one number that orders as the two do.
        first = "SELECT unit, min(printf('%020d.%012d', at_us, line)) AS place FROM repeat GROUP BY unit"
        run(
            f"CREATE TEMP TABLE earlier AS SELECT repeat.* FROM repeat JOIN ({first}) AS first USING (unit) "
            "JOIN member USING (unit) WHERE printf('%020d.%012d', repeat.at_us, repeat.line) = first.place "
            "AND repeat.at_us < member.at_us"
        )
        run(f"INSERT INTO repeat SELECT {columns} FROM member WHERE unit IN (SELECT unit FROM earlier)")
        run("DELETE FROM repeat WHERE line IN (SELECT line FROM earlier)")
        run(f"INSERT OR REPLACE INTO member SELECT {columns} FROM earlier")

    def in_two_variants(self) -> Iterator[tuple[str, str, int]]:
        """Yield unit, other variant and time of each member in two variants, in the order of units."""
        yield from self._connection.execute("SELECT unit, variant, at_us FROM contrary ORDER BY unit")
