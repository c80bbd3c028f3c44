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
CREATE TABLE member (line INTEGER, unit TEXT PRIMARY KEY, variant TEXT, at_us INTEGER, attributes TEXT,
                     brought_by TEXT, root TEXT, depth INTEGER) WITHOUT ROWID;
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

    def follow_shares(self) -> None:
        """Give each member who was brought the root of the chain and the generations below it.

        A share carries the sharer's variant, so who met another than the host was randomised already: a crossing. They
        keep the host's name and begin a cascade of their own, without root or depth.
        Reports hosts that are not in the file, and chains that come back to themselves.
        """
        if not self.has_shares():
            return
        run = self._connection.execute
        unknown = "brought_by IS NOT NULL AND brought_by NOT IN (SELECT unit FROM member)"
        self._report_hosts(
            f"SELECT line, brought_by FROM member WHERE {unknown}",
            "the member was brought by {!r}, who is no member in this file; add that member or leave the cell empty",
        )
        run("CREATE INDEX member_brought_by ON member (brought_by)")
        run(
            "CREATE TEMP TABLE crossing AS SELECT guest.unit FROM member AS guest JOIN member AS host "
            "ON host.unit = guest.brought_by WHERE host.variant <> guest.variant"
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
        self._report_hosts(
            f"SELECT line, brought_by FROM member WHERE brought_by IS NOT NULL AND root IS NULL AND NOT ({unknown}) "
            f"AND NOT {crossed}",
            "the member was brought by {!r}, but that chain has no beginning (it comes back to itself, or somebody "
            "above is missing); leave the cell of whoever came first empty",
        )

    def _report_hosts(self, statement: str, message: str) -> None:
        problems = self._problems["member"]
        for line, host in self._connection.execute(f"{statement} ORDER BY 1 LIMIT ?", (SHOWN_PROBLEMS,)):
            problems.add(line, message.format(host))
        count = self._connection.execute(f"SELECT count(*) FROM ({statement})").fetchone()[0]
        problems.count += max(0, count - SHOWN_PROBLEMS)

    def has_shares(self) -> bool:
        """Whether any member was brought by another."""
        return (
            self._connection.execute("SELECT 1 FROM member WHERE brought_by IS NOT NULL LIMIT 1").fetchone() is not None
        )

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
        cursor = self._connection.execute(
            "SELECT line, unit, variant, at_us, attributes, brought_by, root, depth FROM member ORDER BY unit"
        )
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
