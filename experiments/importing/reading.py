"""Reading a CSV file of any size, a row at a time, with every fault kept by its line.

UTF-8 with or without a mark at its beginning or UTF-16 with one, plain or gzip-compressed, separated by commas,
semicolons or tabs.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from experiments.errors import ImportFailedError

SHOWN_PROBLEMS = 100
SEPARATORS = ",;\t"
NO_UTF_8 = "the line holds bytes that are no UTF-8 text, as Windows-1252 (Latin-1) has them; save it as CSV UTF-8"
_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an Excel or other packed spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel spreadsheet"),
    (b"SQLite format 3", "a SQLite database"),
    (b"PAR1", "a Parquet file"),
    (_GZIP_MAGIC, "a file that was packed twice"),
)
_HEAD_BYTES = 4_096


class Problems:
    """The faults of a file: the first hundred are kept word for word, the rest are counted."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.count = 0

    def add(self, line: int, message: str) -> None:
        """Keep one fault; ``line`` counts from 1, the header included."""
        self.count += 1
        if len(self.lines) < SHOWN_PROBLEMS:
            self.lines.append((line, message))

    def raise_if_any(self, file_name: str) -> None:
        """Raise one error that lists every fault kept.

        Raises
        ------
        ImportFailedError
            Where at least one fault was added; its sentence says how many there are in all.
        """
        if not self.count:
            return
        if self.count == 1:
            sentence = f"{file_name} has one fault. Nothing was imported; mend the line and try again."
        else:
            more = self.count - len(self.lines)
            tail = f" The first {len(self.lines)} are listed, and {more:,} more." if more else ""
            sentence = (
                f"{file_name} has {self.count:,} faults.{tail} Nothing was imported; mend the lines and try again."
            )
        raise ImportFailedError(sentence, lines=sorted(self.lines))


@dataclass(frozen=True)
class Source:
    """A file to read, possibly more than once: a path on disk, or bytes that were handed in."""

    name: str
    path: Path | None = None
    content: bytes | None = None

    @classmethod
    def at(cls, path: Path | str) -> "Source":
        """The file at a path."""
        return cls(name=Path(path).name, path=Path(path))

    def open(self) -> BinaryIO:
        """The raw bytes, from the beginning."""
        if self.path is None:
            return io.BytesIO(self.content or b"")
        try:
            return self.path.open("rb")
        except OSError as error:
            raise ImportFailedError(
                f"{self.path} cannot be opened ({error.strerror}). Check the path and try again."
            ) from None

    @property
    def size(self) -> int:
        """Its length in bytes, as stored."""
        if self.path is None:
            return len(self.content or b"")
        return self.path.stat().st_size if self.path.exists() else 0


class Table:
    """The header and the rows of one CSV file; a context manager, read once from top to bottom.

    Parameters
    ----------
    source
        The file.
    problems
        Receives the faults of single lines; a fault of the whole file is raised at once.
    most_bytes
        Refuse a file that unpacks to more than this (a small gzip file may hold a very large one).

    Raises
    ------
    ImportFailedError
        The file is empty, has no header, is no text, or its header names a column twice.
    """

    def __init__(self, source: Source, problems: Problems, *, most_bytes: int | None = None) -> None:
        self.source = source
        self._problems = problems
        self._raw = source.open()
        self._most_bytes = most_bytes
        self._lines = self._checked_lines()
        self._size = max(source.size, 1)
        try:
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._raw.close()

    @property
    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(1.0, self._raw.tell() / self._size) if not self._raw.closed else 1.0

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with the number of its first line; rows of another width are reported and left out."""
        width, line = len(self.header), self._reader.line_num
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._problems.add(line + 1, f"the line is no valid CSV ({error}); check its quotation marks")
                line = self._reader.line_num
                continue
            first, line = line + 1, self._reader.line_num
            if len(row) == width:
                yield first, row
            elif row:  # an empty line is no row
                self._problems.add(
                    first, f"{_columns(len(row))} where the header has {width}; put a value with a comma into quotes"
                )

    def _read_header(self) -> tuple[str, ...]:
        first = next(self._lines, None)
        if first is None or not first.strip():
            raise ImportFailedError(f"{self.source.name} is empty. Its first line must name the columns.")
        separator = max(SEPARATORS, key=first.count)
        # The first line goes back in front: a quoted column name may itself hold a line feed.
        self._reader = csv.reader(_chain(first, self._lines), delimiter=separator, strict=True)
        try:
            header = tuple(name.strip() for name in next(self._reader))
        except (csv.Error, StopIteration) as error:
            raise ImportFailedError(
                f"The header of {self.source.name} is no valid CSV ({error}); check its quotation marks."
            ) from None
        twice = {name for name in header if header.count(name) > 1}
        if twice or "" in header:
            what = f"names the column {min(twice)!r} twice" if twice - {""} else "has a column without a name"
            raise ImportFailedError(f"The header of {self.source.name} {what}. Give each column a name of its own.")
        return header

    def _checked_lines(self) -> Iterator[str]:
        packed = self._raw.read(2) == _GZIP_MAGIC
        self._raw.seek(0)
        stream: BinaryIO = gzip.GzipFile(fileobj=self._raw) if packed else self._raw  # type: ignore[assignment]
        buffered = io.BufferedReader(stream)  # type: ignore[arg-type,type-var]
        # newline="" leaves line feeds inside quotes to the CSV reader; surrogates mark the bytes that are no UTF-8.
        encoding, errors = ("utf-16", "replace") if self._is_utf_16(buffered) else ("utf-8-sig", "surrogateescape")
        text = io.TextIOWrapper(buffered, encoding, errors=errors, newline="")
        with closing(text):
            yield from self._each_line(text)

    def _is_utf_16(self, stream: io.BufferedReader) -> bool:
        """Look at the first bytes; False for what shall be read as UTF-8, and an error for what is no text."""
        try:
            head = stream.peek(_HEAD_BYTES)
        except (EOFError, OSError) as error:
            raise ImportFailedError(f"{self.source.name} is damaged ({error}). Pack or download it again.") from None
        found = next((what for magic, what in _BINARY if head.startswith(magic)), None)
        if found is not None:
            raise ImportFailedError(
                f"{self.source.name}: this is no CSV text (it begins with the bytes of {found}). "
                "Export the table as CSV and hand that file over."
            )
        if head.startswith(_UTF_16):
            return True
        first_line = head.partition(b"\n")[0]
        if b"\0" in first_line:
            raise ImportFailedError(
                f"{self.source.name}: this is no CSV text (its first line holds NUL bytes, as binary files and UTF-16 "
                "without its mark do). Save it as CSV UTF-8."
            )
        return False

    def _each_line(self, text: io.TextIOWrapper) -> Iterator[str]:
        read, number = 0, 0
        try:
            for number, line in enumerate(text, start=1):  # noqa: B007
                read += len(line)
                if self._most_bytes is not None and read > self._most_bytes:
                    raise ImportFailedError(
                        f"{self.source.name} unpacks to more than {self._most_bytes:,} characters. "
                        "Use the command klette import, which has no such bound, or split the file."
                    )
                if (not line.isascii() and not _is_utf8(line)) or "\0" in line:
                    self._problems.add(number, NO_UTF_8)
                    line = line.encode("utf-8", "replace").decode().replace("\0", "")
                yield line
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise ImportFailedError(
                f"{self.source.name} is damaged after line {number:,} ({error}). Pack or download it again."
            ) from None


def place(header: Sequence[str], column: str, meaning: str, file_name: str, *, remedy: str = "") -> int:
    """Where a column stands.

    Parameters
    ----------
    remedy
        How another column is named on the command line; by ``--map`` where it is empty.

    Raises
    ------
    ImportFailedError
        The header has no such column; the sentence lists those it has.
    """
    try:
        return list(header).index(column)
    except ValueError:
        raise ImportFailedError(
            f"{file_name} has no column {column!r} for the {meaning}; it has {', '.join(header)}. "
            f"Rename the column or say which one it is: {remedy or f'--map {meaning}=COLUMN'}."
        ) from None


def preview(source: Source, *, rows: int = 5, most_bytes: int | None = None) -> tuple[tuple[str, ...], list[list[str]]]:
    """The header and the first rows of a file, for a person to look at.

    Raises
    ------
    ImportFailedError
        As `Table`, or one of these first lines is no UTF-8 text; faults of single rows are left to the import.
    """
    problems = Problems()
    with Table(source, problems, most_bytes=most_bytes) as table:
        found = [row for _, row in zip(range(rows), (row for _, row in table.rows()), strict=False)]
    for line, message in problems.lines:
        if message == NO_UTF_8:
            raise ImportFailedError(f"{source.name}, line {line}: {message}.")
    return table.header, found


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _is_utf8(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
