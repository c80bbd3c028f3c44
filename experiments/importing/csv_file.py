"""CSV files of any size, read row by row; errors are collected by line.

Accepts UTF-8 with or without a byte order mark and UTF-16 with one, plain or gzip-compressed, separated by commas,
semicolons or tabs.
"""

import csv
import gzip
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from experiments.errors import ImportFailedError
from experiments.translation import N_, gettext, ngettext
from experiments.translation.filling import filled

MAX_LISTED = 100
SEPARATORS = ",;\t"
NOT_UTF_8 = N_("the line is not UTF-8 text (it may be Windows-1252 or Latin-1); save the file as CSV UTF-8")
_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", N_("a PNG image")),
    (b"\xff\xd8\xff", N_("a JPEG image")),
    (b"GIF8", N_("a GIF image")),
    (b"%PDF", N_("a PDF document")),
    (b"PK\x03\x04", N_("an Excel workbook or ZIP archive")),
    (b"\xd0\xcf\x11\xe0", N_("an Excel 97-2003 workbook")),
    (b"SQLite format 3", N_("a SQLite database")),
    (b"PAR1", N_("a Parquet file")),
    (_GZIP_MAGIC, N_("a file compressed twice")),
)
_HEAD_BYTES = 4_096


class LineErrors:
    """The errors of a file by line: the first `MAX_LISTED` are kept, the rest are counted."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.count = 0
        self.first_not_utf_8: int | None = None

    def add(self, line: int, message: str) -> None:
        """Record an error; ``line`` counts from 1, header included."""
        self.count += 1
        if len(self.lines) < MAX_LISTED:
            self.lines.append((line, message))

    def add_not_utf_8(self, line: int) -> None:
        """Record a line in another encoding than UTF-8."""
        if self.first_not_utf_8 is None:
            self.first_not_utf_8 = line
        self.add(line, gettext(NOT_UTF_8))

    def raise_if_any(self, file_name: str) -> None:
        """Raise one error that lists the recorded ones, if there are any.

        Raises
        ------
        ImportFailedError
            ``lines`` holds the first `MAX_LISTED` errors; the detail gives the total.
        """
        if not self.count:
            return
        if self.count > len(self.lines):
            detail = gettext(
                "{file} has {count:,} errors; the first {listed} are listed. Nothing was imported. "
                "Correct the lines and try again."
            )
        else:
            detail = ngettext(
                "{file} has {count} error. Nothing was imported. Correct the line and try again.",
                "{file} has {count} errors. Nothing was imported. Correct the lines and try again.",
                self.count,
            )
        raise ImportFailedError(
            filled(detail, file=file_name, count=self.count, listed=len(self.lines)), lines=sorted(self.lines)
        )


@dataclass(frozen=True)
class Source:
    """A file that can be read more than once: a path on disk, or uploaded bytes."""

    name: str
    path: Path | None = None
    content: bytes | None = None

    @classmethod
    def at(cls, path: Path | str) -> "Source":
        """Return the file at a path."""
        return cls(name=Path(path).name, path=Path(path))

    def open(self) -> BinaryIO:
        """Open the raw bytes from the start; raise ImportFailedError if the path cannot be opened."""
        if self.path is None:
            return io.BytesIO(self.content or b"")
        try:
            return self.path.open("rb")
        except OSError as error:
            raise ImportFailedError(
                gettext("{path} cannot be opened ({reason}). Check the path and try again.").format(
                    path=self.path, reason=error.strerror
                )
            ) from None

    @property
    def size(self) -> int:
        """The size in bytes, as stored (compressed if it is)."""
        if self.path is None:
            return len(self.content or b"")
        return self.path.stat().st_size if self.path.exists() else 0


class Table:
    """The header and rows of one CSV file: a context manager, read once from top to bottom.

    Parameters
    ----------
    source
        The file.
    errors
        Receives the errors of single lines; an error of the whole file is raised immediately.
    most_bytes
        Refuse a file that decompresses to more than this: a small gzip file can hold a very large one.

    Raises
    ------
    ImportFailedError
        The file is empty, has no header, is not text, or its header repeats a column.
    """

    def __init__(self, source: Source, errors: LineErrors, *, most_bytes: int | None = None) -> None:
        self.source = source
        self._errors = errors
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
        """The fraction of the file read so far, 0 to 1."""
        return min(1.0, self._raw.tell() / self._size) if not self._raw.closed else 1.0

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the number of its first line; record rows of another width as errors and skip them."""
        width, line = len(self.header), self._reader.line_num
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = gettext("the line is not valid CSV ({reason}); check its quotation marks")
                self._errors.add(line + 1, message.format(reason=error))
                line = self._reader.line_num
                continue
            first, line = line + 1, self._reader.line_num
            if len(row) == width:
                yield first, row
            elif row:  # an empty line is not a row
                message = ngettext(
                    "the line has {count} column, the header has {width}; quote values that contain a separator",
                    "the line has {count} columns, the header has {width}; quote values that contain a separator",
                    len(row),
                )
                self._errors.add(first, message.format(count=len(row), width=width))

    def _read_header(self) -> tuple[str, ...]:
        first = next(self._lines, None)
        if first is None or not first.strip():
            message = gettext("{file} is empty. The first line must name the columns.")
            raise ImportFailedError(message.format(file=self.source.name))
        separator = max(SEPARATORS, key=first.count)
        # The reader gets the first line again, because a quoted column name can contain a line feed.
        self._reader = csv.reader(_chain(first, self._lines), delimiter=separator, strict=True)
        try:
            header = tuple(name.strip() for name in next(self._reader))
        except (csv.Error, StopIteration) as error:
            message = gettext("The header of {file} is not valid CSV ({reason}). Check its quotation marks.")
            raise ImportFailedError(message.format(file=self.source.name, reason=error)) from None
        if "" in header:
            message = gettext("The header of {file} has a column without a name. Name every column.")
            raise ImportFailedError(message.format(file=self.source.name))
        repeated = {name for name in header if header.count(name) > 1}
        if repeated:
            message = gettext("The header of {file} has the column {column!r} twice. Give each column a unique name.")
            raise ImportFailedError(message.format(file=self.source.name, column=min(repeated)))
        return header

    def _checked_lines(self) -> Generator[str]:
        compressed = self._raw.read(2) == _GZIP_MAGIC
        self._raw.seek(0)
        stream = gzip.GzipFile(fileobj=self._raw) if compressed else self._raw
        buffered = io.BufferedReader(cast(io.RawIOBase, stream))
        # newline="" leaves line feeds in quotes to the CSV reader; surrogates mark bytes that are not UTF-8.
        encoding, errors = ("utf-16", "replace") if self._is_utf_16(buffered) else ("utf-8-sig", "surrogateescape")
        text = io.TextIOWrapper(buffered, encoding, errors=errors, newline="")
        with closing(text):
            yield from self._each_line(text)

    def _is_utf_16(self, stream: "io.BufferedReader[io.RawIOBase]") -> bool:
        """Return whether the first bytes are UTF-16; raise ImportFailedError if they are not text."""
        try:
            head = stream.peek(_HEAD_BYTES)
        except (EOFError, OSError) as error:
            message = gettext("{file} is damaged ({reason}). Compress or download it again.")
            raise ImportFailedError(message.format(file=self.source.name, reason=error)) from None
        format_name = next((name for magic, name in _BINARY if head.startswith(magic)), None)
        if format_name is not None:
            message = gettext("{file} is not a CSV file but {format}. Export the table as CSV and import that file.")
            raise ImportFailedError(message.format(file=self.source.name, format=gettext(format_name)))
        if head.startswith(_UTF_16):
            return True
        first_line = head.partition(b"\n")[0]
        if b"\0" in first_line:
            message = gettext(
                "{file} is not a CSV file: its first line contains NUL bytes, like a binary file or UTF-16 without a "
                "byte order mark. Save it as CSV UTF-8."
            )
            raise ImportFailedError(message.format(file=self.source.name))
        return False

    def _each_line(self, text: io.TextIOWrapper) -> Iterator[str]:
        read, number = 0, 0
        try:
            for number, line in enumerate(text, start=1):  # noqa: B007
                read += len(line)
                if self._most_bytes is not None and read > self._most_bytes:
                    message = gettext(
                        "{file} decompresses to more than {most:,} characters. "
                        "Use the command klette import, which has no limit, or split the file."
                    )
                    raise ImportFailedError(filled(message, file=self.source.name, most=self._most_bytes))
                if (not line.isascii() and not _is_utf8(line)) or "\0" in line:
                    self._errors.add_not_utf_8(number)
                    line = line.encode("utf-8", "replace").decode().replace("\0", "")
                yield line
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            message = gettext("{file} is damaged after line {line:,} ({reason}). Compress or download it again.")
            raise ImportFailedError(filled(message, file=self.source.name, line=number, reason=error)) from None


def column_index(header: Sequence[str], column: str, meaning: str, file_name: str, *, remedy: str = "") -> int:
    """Return the position of a column in a header.

    Parameters
    ----------
    remedy
        The command-line option that chooses another column; ``--map`` if empty.

    Raises
    ------
    ImportFailedError
        The header has no such column; the detail lists its columns.
    """
    try:
        return list(header).index(column)
    except ValueError:
        message = gettext(
            "{file} has no column {column!r} for {meaning}; its columns are {columns}. "
            "Rename the column or choose another: {remedy}."
        )
        raise ImportFailedError(
            message.format(
                file=file_name,
                column=column,
                meaning=meaning,
                columns=", ".join(header),
                remedy=remedy or f"--map {meaning}=COLUMN",
            )
        ) from None


def preview(source: Source, *, rows: int = 5, most_bytes: int | None = None) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the header and the first rows of a file, to show them.

    Raises
    ------
    ImportFailedError
        As `Table`, or one of these lines is not UTF-8 text; the import reports the errors of single rows.
    """
    errors = LineErrors()
    with Table(source, errors, most_bytes=most_bytes) as table:
        first_rows = [row for _, row in zip(range(rows), (row for _, row in table.rows()), strict=False)]
    if errors.first_not_utf_8 is not None:
        located = gettext("{file}, line {line}: {error}.")
        line, error = errors.first_not_utf_8, gettext(NOT_UTF_8)
        raise ImportFailedError(located.format(file=source.name, line=line, error=error))
    return table.header, first_rows


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _is_utf8(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
