"""A private, temporary SQLite file that holds what was read until it is whole and right.

It keeps memory bounded whatever the file's size, finds repeated members and ids, and means that the product's
database is locked only for the short bulk insert at the end.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from experiments.importing.members import Happening, Member
from experiments.importing.reading import SHOWN_PROBLEMS, Problems

_BATCH = 5_000
_TABLES = """
CREATE TABLE member (line INTEGER, unit TEXT PRIMARY KEY, variant TEXT, at_us INTEGER, attributes TEXT) WITHOUT ROWID;
CREATE TABLE happening (line INTEGER, id TEXT PRIMARY KEY, unit TEXT, type TEXT, at_us INTEGER,
                        value_micro INTEGER, currency TEXT) WITHOUT ROWID;
"""


class Spool:
    """Members and events on their way in; a context manager that removes its file.

    Parameters
    ----------
    members, happenings
        Receive the faults that only show between lines: repeated members, repeated ids, unknown members.
    """

    def __init__(self, members: Problems, happenings: Problems) -> None:
        self._problems = {"member": members, "happening": happenings}
        self._folder = tempfile.TemporaryDirectory(prefix="klette-import-")
        self._connection = sqlite3.connect(Path(self._folder.name) / "spool.sqlite", isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768;")
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")
        self._waiting: dict[str, list[tuple]] = {"member": [], "happening": []}

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def add_member(self, member: Member) -> None:
        self._add("member", member)

    def add_happening(self, happening: Happening) -> None:
        self._add("happening", happening)

    def finish(self) -> None:
        """Take in what still waits; from here on everything can be read."""
        self._flush("member")
        self._flush("happening")

    def report_strangers(self) -> None:
        """Report each event whose member is not in the members' file."""
        strangers = "FROM happening WHERE unit NOT IN (SELECT unit FROM member)"
        problems = self._problems["happening"]
        for line, unit in self._connection.execute(
            f"SELECT line, unit {strangers} ORDER BY line LIMIT ?", (SHOWN_PROBLEMS,)
        ):
            problems.add(line, f"{unit!r} is no member in the members' file; add the member or leave the event out")
        count = self._connection.execute(f"SELECT count(*) {strangers}").fetchone()[0]
        problems.count += max(0, count - SHOWN_PROBLEMS)

    def counts(self) -> dict[str, int]:
        """Members by variant key."""
        return dict(self._connection.execute("SELECT variant, count(*) FROM member GROUP BY variant"))

    def types(self) -> dict[str, int]:
        """Events by type."""
        return dict(self._connection.execute("SELECT type, count(*) FROM happening GROUP BY type"))

    def types_after(self, delay_us: int) -> set[str]:
        """The types of events that lie at least so long after their member's exposure."""
        return {
            type_
            for (type_,) in self._connection.execute(
                "SELECT DISTINCT type FROM happening JOIN member USING (unit) "
                "WHERE happening.at_us >= member.at_us + ?",
                (delay_us,),
            )
        }

    def span_us(self, window_us: int) -> tuple[int, int]:
        """The first exposure, and the last exposure or event that counts, in microseconds."""
        first, last = self._connection.execute("SELECT min(at_us), max(at_us) FROM member").fetchone()
        last_event = self._connection.execute(
            "SELECT max(happening.at_us) FROM happening JOIN member USING (unit) "
            "WHERE happening.at_us >= member.at_us AND happening.at_us < member.at_us + ?",
            (window_us,),
        ).fetchone()[0]
        return first, max(last, last_event or last)

    def uncounted(self, window_us: int) -> int:
        """Events before their member's exposure or after the window: kept, but they do not count."""
        return self._connection.execute(
            "SELECT count(*) FROM happening JOIN member USING (unit) "
            "WHERE happening.at_us < member.at_us OR happening.at_us >= member.at_us + ?",
            (window_us,),
        ).fetchone()[0]

    def members(self, size: int = _BATCH) -> Iterator[list[Member]]:
        """Every member, in the order of the product's own key, a batch at a time."""
        cursor = self._connection.execute("SELECT line, unit, variant, at_us, attributes FROM member ORDER BY unit")
        while batch := cursor.fetchmany(size):
            yield [Member(*row) for row in batch]

    def happenings(self, size: int = _BATCH) -> Iterator[list[Happening]]:
        """Every event, by id, a batch at a time."""
        cursor = self._connection.execute(
            "SELECT line, id, unit, type, at_us, value_micro, currency FROM happening ORDER BY id"
        )
        while batch := cursor.fetchmany(size):
            yield [Happening(*row) for row in batch]

    def _add(self, table: str, row: tuple) -> None:
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

    def _report_repeats(self, table: str, rows: list[tuple]) -> None:
        field, what = ("unit", "the member") if table == "member" else ("id", "the id")
        for row in rows:
            value = getattr(row, field)
            line = self._connection.execute(f"SELECT line FROM {table} WHERE {field} = ?", (value,)).fetchone()[0]
            if line != row.line:
                self._problems[table].add(row.line, f"{what} {value!r} is already on line {line}; keep one of the two")
