"""The time of collect from rows to sufficient statistics, compared with SQL written by hand for the same results.

One experiment: 400,000 members with 500,000 events, ten metrics, two segments. Large: 20 experiments, the first of
400,000 members, 10 million exposures and 12 million events in all. Both ways take turns in one process, and the best
turn of each counts; the peak of memory is that of a process that does nothing but collect.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from experiments.catalogue.metrics import DAY_US
from experiments.storage.database import Database
from experiments.storage.schema import migrate
from tests.audience import MEASURED
from tests.benchmarks.collect_rows import BEGAN_US, fill
from tests.memory import peak_mebibytes

MEMBERS, EVENTS = 400_000, 500_000
LARGE_MEMBERS = [400_000, *[505_263] * 19]
LARGE_EVENTS = 12_000_000
TURNS = 3
_CUT_US = BEGAN_US + 60 * DAY_US


def measure(url: str, *, large: bool = False) -> dict[str, Any]:
    """Fill a fresh database, collect from it as a worker does, and return seconds (by hand and ours) and MB."""
    members, events = (LARGE_MEMBERS, LARGE_EVENTS) if large else ([MEMBERS], EVENTS)
    database = Database(url)
    migrate(database)
    began = time.perf_counter()
    fill(database, members, events)
    filled = time.perf_counter() - began
    database.close()
    figures = {"filled_seconds": filled, "members": members, "events": events}
    figures |= _in_a_process("turns", url, len(members))
    return figures | {
        "peak_mb": _in_a_process("peak", url, len(members)),
        "import_mb": _in_a_process("nothing", url, 0),
    }


def _in_a_process(what: str, url: str, runs: int) -> Any:
    command = [sys.executable, "-m", __name__, what, url, str(runs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def turns(url: str, runs: int) -> dict[str, Any]:
    """Return the best time of both ways on every run: seconds of the clock and of the processors.

    On a busy machine the processors' seconds (this process and PostgreSQL's for it) are the steadier figure.
    """
    from experiments.collect.engine.source import source

    backend = source(url)
    server = 0 if backend.name == "sqlite" else backend.raw_sql("SELECT pg_backend_pid()").fetchone()[0]
    times: dict[str, list[float]] = {"hand_seconds": [], "seconds": [], "hand_cpu": [], "cpu": []}
    for run in range(1, runs + 1):
        hand, ours = _by_hand(backend, run), _collected(backend, run)  # also warms the cache for both
        _compare(hand, ours)
        ways = partial(_by_hand, backend, run), partial(_collected, backend, run)
        taken = [[figure for way in ways for figure in _timed(way, server)] for _ in range(TURNS if runs == 1 else 1)]
        best = [min(times) for times in zip(*taken, strict=True)]
        for name, seconds in zip(("hand_seconds", "hand_cpu", "seconds", "cpu"), best, strict=True):
            times[name].append(seconds)
    return times


def peak(url: str, runs: int) -> float:
    """Return the peak memory of collecting every run, in MB; SQLite's pages are part of this process."""
    from experiments.collect.engine.source import source

    backend = source(url)
    for run in range(1, runs + 1):
        _collected(backend, run)
    return nothing(url, runs)


def nothing(_url: str, _runs: int) -> float:
    """Return the memory of the imports alone, in MB."""
    import experiments.collect  # noqa: F401

    return peak_mebibytes()


def _timed(way: Callable[[], Any], server: int) -> tuple[float, float]:
    """Return the seconds of the clock and of the processors."""
    began, busy = time.perf_counter(), _cpu(server)
    way()
    return time.perf_counter() - began, _cpu(server) - busy


def _cpu(server: int) -> float:
    """Return the processor seconds of this process and of the server's, in hundredths."""
    if not server:
        return time.process_time()
    times = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(times[11]) + int(times[12])) / 100


def _by_hand(backend: Any, run: int) -> dict[str, Any]:
    from tests.benchmarks.collect_by_hand import by_hand

    return by_hand(backend, run, _CUT_US)


def _collected(backend: Any, run: int) -> Any:
    from experiments.catalogue.metrics import metric
    from experiments.collect import collect
    from experiments.collect.attribution import Scope

    scope = Scope(1, run, "test", "EUR", 7 * DAY_US, _CUT_US, ("a", "b", "c"))
    return collect(
        backend,
        scope,
        [metric(key) for key in MEASURED],
        segments=("country", "device"),
        segmented=metric("sticky_rate"),
    )


def _compare(hand: dict[str, Any], ours: Any) -> None:
    """Check that both ways give the same results, without which their times cannot be compared."""
    assert dict(hand["members"]) == ours.counts
    assert sorted((*key, n) for key, n in hand["arrivals"].items()) == sorted(ours.arrivals)
    for variant in ours.counts:
        for name in ("sticky_rate", "click_rate", "return_rate", "response_rate", "negative_rate"):
            assert hand["successes"][variant, name] == ours.metric_data[name][variant].successes, name
        orders = {times: n for times, n in ours.metric_data["orders"][variant].histogram if times}
        assert {times: n for (key, times), n in hand["orders"].items() if key == variant} == orders
        for name in ("revenue", "dwell"):
            positive, total, high, both, low, *_ = hand[name][variant]
            seen = ours.metric_data[name][variant]
            assert (positive, int(total)) == (seen.positive, int(seen.total * 1_000_000))
            squares = int(high) * 10**12 + 2 * int(both) * 10**6 + int(low)
            assert squares / 10**12 == seen.total_squares
    cells = {key: (cell.n, cell.successes) for key, cell in ours.segment_cells.cells.items()}
    assert cells == {key: (n, hand["sticky_by_level"][key]) for key, n in hand["levels"].items()}
    assert (hand["events"], hand["late"], hand["early"]) == (ours.quality.events, ours.quality.late, ours.quality.early)


if __name__ == "__main__":
    what, address, number = sys.argv[1:]
    print(json.dumps({"turns": turns, "peak": peak, "nothing": nothing}[what](address, int(number))))
