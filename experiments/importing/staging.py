"""A temporary SQLite file that stages members and events until all of them are read and valid.

It bounds memory for files of any size, finds repeated members and ids, and keeps the lock on the product's database
short: only the bulk insert at the end.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from experiments.importing.csv_file import MAX_LISTED, LineErrors
from experiments.importing.members import ImportedEvent, Member
from experiments.translation import gettext

_BATCH = 5_000  # rows
_TABLES = """
CREATE TABLE member (line INTEGER, unit TEXT PRIMARY KEY, variant TEXT, at_us INTEGER, attributes TEXT,
                     brought_by TEXT, root TEXT, depth INTEGER) WITHOUT ROWID;
CREATE TABLE event (line INTEGER, id TEXT PRIMARY KEY, unit TEXT, type TEXT, at_us INTEGER,
                        value_micro INTEGER, currency TEXT) WITHOUT ROWID;
"""


class Staging:
    """Staged members and events; a context manager that removes its file.

    Parameters
    ----------
    members, events
        Receive the errors between lines: repeated members, repeated ids, unknown members.
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
        """Return the number of members by variant key."""
        return dict(self._connection.execute("SELECT variant, count(*) FROM member GROUP BY variant"))

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
            "SELECT line, unit, variant, at_us, attributes, brought_by, root, depth FROM member ORDER BY unit"
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
            self._report_repeats(table, waiting)
        waiting.clear()

    def _report_repeats(self, table: str, rows: list[Member | ImportedEvent]) -> None:
        field, message = (
            ("unit", gettext("the member {value!r} is already on line {line}; keep one of the two"))
            if table == "member"
            else ("id", gettext("the id {value!r} is already on line {line}; keep one of the two"))
        )
        for row in rows:
            value = getattr(row, field)
            line = self._connection.execute(f"SELECT line FROM {table} WHERE {field} = ?", (value,)).fetchone()[0]
            if line != row.line:
                self._errors[table].add(row.line, message.format(value=value, line=line))
