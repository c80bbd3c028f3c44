"""Two captures of stored analyses compared figure by figure, to the digit; the command is `same_results`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from decimal import Decimal
from pathlib import Path
from typing import Any

# Not compared: ids, versions, and times, which depend on the clock where an experiment has no dates.
NOT_COMPARED = frozenset(
    {"analysis", "cut_off", "cut_off_us", "created_at", "learned_at", "started_us", "ended_us", "versions"}
)
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
SHOWN = 30

Trail = tuple[str, ...]
Figure = Decimal | bool | str


def figures(
    document: Any, renamed: Mapping[str, str], skipped: Set[str] = NOT_COMPARED, words: bool = False, path: Trail = ()
) -> Iterator[tuple[Trail, Figure]]:
    """Yield every figure of a document with its path.

    Parameters
    ----------
    document
        Read with `read`, which keeps every digit.
    renamed
        Names to replace in paths; ``parent.name`` to replace a name only below that parent.
    skipped
        Original names to leave out with everything below them.
    words
        Whether to include texts.
    """
    if isinstance(document, dict):
        for name, inner in document.items():
            if name not in skipped:
                below = f"{path[-1]}.{name}" if path else name
                yield from figures(inner, renamed, skipped, words, (*path, renamed.get(below, renamed.get(name, name))))
    elif isinstance(document, list):
        for place, inner in enumerate(document):
            yield from figures(inner, renamed, skipped, words, (*path, str(place)))
    elif isinstance(document, bool | Decimal):
        yield path, document
    elif isinstance(document, str) and NUMBER.fullmatch(document):
        yield path, Decimal(document)
    elif isinstance(document, str) and words:
        yield path, document


def compare(
    before: Path,
    after: Path,
    renamed: Mapping[str, str],
    *,
    added: Set[str] = frozenset(),
    removed: Set[str] = frozenset(),
    words: bool = False,
) -> bool:
    """Print how two captures differ, and return whether all figures are the same.

    Figures below a name in `added` may be in the later capture alone, those below one in `removed` in the earlier.
    """
    skipped = NOT_COMPARED | {renamed[name] for name in NOT_COMPARED & renamed.keys()}
    was = _by_path(figures(read(before), renamed, words=words))
    has = _by_path(figures(read(after), {}, skipped, words))
    both = was.keys() & has.keys()
    other = [path for path in was if path in both and (type(was[path]), was[path]) != (type(has[path]), has[path])]
    gone, new = ([path for path in one if path not in both] for one in (was, has))
    gone = [path for path in gone if not removed & set(path)]
    new = [path for path in new if not added & set(path)]
    _list(f"{len(other):,} figures differ", (f"{_path_text(path)}: {was[path]} → {has[path]}" for path in other))
    _list(f"{len(gone):,} figures are only in {before.name}", (f"{_path_text(path)}: {was[path]}" for path in gone))
    _list(f"{len(new):,} figures are only in {after.name}", (f"{_path_text(path)}: {has[path]}" for path in new))
    same = bool(both) and not (other or gone or new)
    documents = len({path[0] for path in both})
    verdict = "all are the same" if same else "they are NOT the same"
    print(f"{len(both):,} figures of {documents:,} documents compared: {verdict}.")
    return same


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"), parse_int=Decimal, parse_float=Decimal)


def _by_path(given: Iterable[tuple[Trail, Figure]]) -> dict[Trail, Figure]:
    found: dict[Trail, Figure] = {}
    for path, figure in given:
        if path in found:
            raise SystemExit(f"Renamed like this, two figures are called {_path_text(path)}; correct --renamed.")
        found[path] = figure
    return found


def _list(heading: str, lines: Iterable[str]) -> None:
    rows = list(lines)
    if rows:
        print(f"{heading}:")
        print("\n".join(f"  {line}" for line in rows[:SHOWN]))
        if len(rows) > SHOWN:
            print(f"  ... and {len(rows) - SHOWN:,} more")


def _path_text(path: Trail) -> str:
    return " / ".join(path)
