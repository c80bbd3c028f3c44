"""``make bench``: what this machine serves, ingests and computes, with the limit that each figure is compared with.

Ratios of one run count; absolute figures drift with the machine and the hour.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import collect, ingestion, peers, scorecard, serving
from tests.engines import Postgres

ENGINES = ("sqlite", "postgresql")
TURNS = 3


class Bench:
    """One run: the folder of its files, the seconds of each load, and its figures."""

    def __init__(self, folder: Path, seconds: float, engines: list[str]) -> None:
        self.folder, self.seconds, self.engines = folder, seconds, engines
        self.rows: list[dict] = []
        self._postgres: Postgres | None = None
        self._open = ExitStack()
        self._number = 0

    def url(self, engine: str) -> str:
        """Return a fresh database without tables."""
        self._number += 1
        if engine == "sqlite":
            return f"sqlite:///{self.folder / f'{self._number}.sqlite'}"
        if self._postgres is None:
            # With disk syncs on, unlike the server of the tests, because durable writes are measured.
            self._postgres = Postgres(self.folder / "pg", "max_connections = 200\nshared_buffers = 512MB\n")
            self._open.callback(self._postgres.stop)
        return self._open.enter_context(self._postgres.database(migrated=False))

    def close(self) -> None:
        self._open.close()

    def add(self, what: str, value: float, unit: str, limit: float, target: float, **more: float) -> None:
        """Print a line of the table: a figure, its ratio to the limit, and the target ratio."""
        ratio = value / limit
        self.rows.append({"what": what, "value": value, "unit": unit, "ratio": ratio, "target": target, **more})
        reached = "" if not target else (" yes" if ratio >= target else " NO ")
        extra = f"{more['p99_ms']:8.1f} ms {more['cpu_us']:7.0f} µs" if "cpu_us" in more else " " * 22
        aim = f"{target:6.2f}{reached}" if target else ""
        print(f"{what:<52}{value:>10,.0f} {unit:<9}{extra}{ratio:>8.2f} {aim}", flush=True)


def serve(bench: Bench) -> None:
    """Measure each load in alternation with the bare route, so that both run under the same conditions."""
    for engine in bench.engines:
        folder = bench.folder / f"data {engine}"
        with serving.bare(folder / "bare") as bare, serving.product(bench.url(engine), folder) as (server, key):
            loads = (
                ("assign without exposure", 0.85, serving.assign_requests(key, expose=False), 32),
                ("assign with durable exposure", 0.6, serving.assign_requests(key, expose=True), 32),
                ("1 event a call over HTTP", 0.0, serving.event_requests(key, 1), 32),
                ("500 events a call over HTTP (calls)", 0.0, serving.event_requests(key, 500), 8),
            )
            for what, target, requests, connections in loads:
                limit, found = _turn_about(bench, bare, server, requests, connections)
                bench.add(
                    f"bare Flask route, JSON, beside {engine}", limit.rate, "req/s", limit.rate, 0, **_more(limit)
                )
                bench.add(f"{what}, {engine}", found.rate, "req/s", limit.rate, target, **_more(found))


def _turn_about(
    bench: Bench, bare: serving.Server, server: serving.Server, requests: Iterator[bytes], connections: int
) -> tuple[serving.Load, serving.Load]:
    """Return the loads of the bare route and ours, each the mean of its turns."""
    limits, found = [], []
    for _ in range(TURNS):
        limits.append(bare.load(serving.bare_requests(), bench.seconds / TURNS, connections))
        found.append(server.load(requests, bench.seconds / TURNS, connections))
    return serving.mean(limits), serving.mean(found)


def _more(load: serving.Load) -> dict[str, float]:
    return {"p99_ms": load.p99, "cpu_us": load.cpu}


def ingest(bench: Bench) -> None:
    """Measure our path in process, from the body to the committed response, against the engine's raw limit."""
    for engine in bench.engines:
        for per_call in (1, 500):
            raw, ours = ingestion.measure(bench.url(engine), per_call=per_call, seconds=bench.seconds)
            limit = "executemany" if engine == "sqlite" else "COPY"
            bench.add(f"{engine} {limit}, {per_call} a commit", raw, "events/s", raw, 0)
            bench.add(f"events in process, {per_call} a call, {engine}", ours, "events/s", raw, 0.3)


def analyse(bench: Bench, *, large: bool = False) -> None:
    """Measure rows to sufficient statistics against SQL written by hand for the same results."""
    for engine in bench.engines:
        found = collect.measure(bench.url(engine), large=large)
        members = sum(found["members"])
        hand, ours = members / sum(found["hand_seconds"]), members / sum(found["seconds"])
        what = f"{len(found['members'])} experiments" if large else "one experiment"
        bench.add(f"SQL by hand, {what}, {engine}", hand, "members/s", hand, 0)
        bench.add(f"collect, {what}, {engine}", ours, "members/s", hand, 1 / 1.2)
        print(
            f"{'':<4}{found['members'][0]:,} members: {found['seconds'][0]:.2f} s, of the processors "
            f"{found['cpu'][0]:.2f} s (by hand {found['hand_seconds'][0]:.2f} s, {found['hand_cpu'][0]:.2f} s)\n"
            f"{'':<4}all {members:,} and {found['events']:,} events: {sum(found['seconds']):.1f} s, of the processors "
            f"{sum(found['cpu']):.1f} s (by hand {sum(found['hand_seconds']):.1f} s, {sum(found['hand_cpu']):.1f} s)\n"
            f"{'':<4}peak {found['peak_mb']:.0f} MB, {found['import_mb']:.0f} MB of it before the first row; filled in "
            f"{found['filled_seconds']:.0f} s"
        )


def analyse_large(bench: Bench) -> None:
    """Measure the same on 10 million exposures and 12 million events: minutes to fill, 5 GB of disk per engine."""
    analyse(bench, large=True)


def compare_rows(bench: Bench) -> None:
    """Measure ten million rows in memory to the results of a rate and an amount, each tool in a separate process."""
    print("\n10,000,000 rows to results (fastest of three; memory beyond the rows and the imports)")
    ours = None
    for row in peers.rows_to_answers():
        ours = ours or row["seconds"]
        print(
            f"{row['engine']:<20}{row['seconds']:>7.2f} s ({row['seconds'] / ours:.1f} times ours)"
            f"{row['megabytes']:>8,.0f} MB   rate lift {row['rate lift']:+.4f}, P {row['P(rate)']:.4f}, "
            f"money lift {row['money lift']:+.4f}",
            flush=True,
        )
        bench.rows.append(row)


def score(bench: Bench) -> None:
    """Measure sufficient statistics to scorecards, and the sampled part."""
    print("\n10 metrics × 5 variants × 30 segments, from sufficient statistics")
    for name, value in scorecard.measure().items():
        print(f"{name:<40}{value:>9.3f}" + ("" if name.endswith("shown") else " s"))
        bench.rows.append({"what": name, "value": value})


PARTS: tuple[tuple[str, Callable[[Bench], None]], ...] = (
    ("serving", serve),
    ("ingestion", ingest),
    ("collect", analyse),
    ("collect-large", analyse_large),
    ("rows", compare_rows),
    ("scorecard", score),
)
BY_NAME = ("collect-large",)
"""Parts that take long; they run only if named."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each load lasts (default: 6)")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only this engine")
    parser.add_argument("--part", choices=[name for name, _ in PARTS], action="append", help="only this part")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="klette-bench-"))
    bench = Bench(folder, given.seconds, given.engine or list(ENGINES))
    busy = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load average at the start {busy:.1f}")
    print(f"{'':<52}{'':>20}{'p99':>11}{'CPU/req':>11}{'ratio':>8} target reached")
    try:
        for name, part in PARTS:
            if name in given.part if given.part else name not in BY_NAME:
                part(bench)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    _keep(bench.rows, busy)


def _keep(rows: list[dict], busy: float) -> None:
    now = datetime.now(UTC)
    file = Path("var") / "bench" / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"at": now.isoformat(), "python": sys.version, "cores": os.cpu_count(), "load_average": busy, "rows": rows}
    file.write_text(json.dumps(about, indent=2) + "\n")
    print(f"Saved to {file}")


if __name__ == "__main__":
    main()
