"""Capture every figure of stored analyses before a change of the code, and compare it with those after it.

    python -m tests.replay.same_results capture --data FOLDER --out FILE.json
    python -m tests.replay.same_results compare BEFORE.json AFTER.json [OPTIONS]

`capture` runs in a checkout. It fills a fresh SQLite database by the product's own commands alone, so that modules may
move between the two: the example, Hillstrom's e-mail test with two segments, twenty headline tests as counts, and a
made-up audience that brings others. Then it writes down all analyses as they are stored: results, inputs and curves.

Two things of the example are left to chance and to the clock, the seed of its run and the moment it ends at, and both
decide who gets which variant. So the example is begun small, its run is given a fixed seed and a fixed beginning in
the database, and the same command, which takes up an example that it finds unfinished, fills it from there. What is
asked of the worker names the moment up to which data count.

`compare` looks at numbers (also those that are kept as text, such as exact amounts) and at truth values by their path,
to the digit; with `--words` at every text too. Identities, moments and versions are left out.
"""

import argparse
import csv
import gzip
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.replay.made_up_audience import write_audience
from tests.replay.same_figures import NUMBER, compare, figures, read

LONGEST_SECONDS = 900
"""Time limit of a command."""

# The example ------------------------------------------------------------------------------------------------------

EXAMPLE = "spring-headline"
BEGAN = datetime(2025, 3, 3, 12, tzinfo=UTC)
ENDED = BEGAN + timedelta(days=14)
LOOKS_AFTER_DAYS = (7, 11, 14)
"""When the running example is analysed; the last time is after its end, with all windows over."""

# The other experiments --------------------------------------------------------------------------------------------

HILLSTROM = (
    *("--key", "hillstrom", "--map", "unit=customer_no", "--map", "variant=segment", "--control", "No E-Mail"),
    *("--exposed-at", "2008-03-06", "--outcome", "click=visit", "--outcome", "purchase=spend"),
    *("--segments", "channel,zip_code", "--currency", "USD", "--window-days", "14"),
)
HEADLINE_COLUMNS = ("variant=package", "members=impressions", "successes=clicks", "headline=headline")
HEADLINE_TESTS = 20
UNDATED_EVERY = 5
"""One in this many headline tests is imported without dates and analysed with a given seed."""
SEED = 7

Document = dict[str, Any]


@dataclass
class Product:
    """The product's commands in a checkout, on a separate database.

    Parameters
    ----------
    checkout
        Folder that holds the code.
    folder
        Data folder.
    database
        The SQLite file.
    """

    checkout: Path
    folder: Path
    database: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("KLETTE_")}
        self.environment = own | {
            "PYTHONPATH": str(self.checkout),
            "KLETTE_DATA_DIR": str(self.folder),
            "KLETTE_DATABASE_URL": f"sqlite:///{self.database}",
            "KLETTE_TIME_ZONE": "Europe/Berlin",
            "KLETTE_CURRENCY": "EUR",
            # No server runs there, so the example uses the application in its own process.
            "PORT": str(_free_port()),
            # The example is years old, and the worker must only run the requested jobs.
            "KLETTE_EVENT_MAX_AGE_DAYS": "3650",
            "KLETTE_ANALYSE_EVERY_SECONDS": "1000000000",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        }

    def python(self, *arguments: str) -> str:
        """Return the output of a Python command; end the program if it fails."""
        began = time.monotonic()
        command = [sys.executable, *arguments]
        ran = subprocess.run(
            command,
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        if ran.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {ran.returncode}:\n{ran.stderr[-4_000:]}")
        named = (argument for argument in arguments if len(argument) < 40 and not Path(argument).is_absolute())
        _say(f"{time.monotonic() - began:6.1f} s  {' '.join(named)[:100]}")
        return ran.stdout

    def klette(self, *arguments: str) -> str:
        """Return the output of a `klette` command."""
        return self.python("-m", "experiments.commands.cli", *arguments)

    def change(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """Change the database in one transaction."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            for statement, values in statements:
                connection.execute(statement, values)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query, values).fetchall()


def capture(data: Path, database: Path | None) -> Document:
    """Fill a database and return the documents by their names."""
    checkout = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="klette-same-") as temporary:
        folder = Path(temporary)
        product = Product(checkout, folder, (database or folder / "klette.sqlite").resolve())
        if product.database.exists():
            raise SystemExit(f"{database} is there already; name another file, since it begins with a fresh database.")
        _check_origin(product)
        product.klette("migrate")
        _example(product)
        _hillstrom(product, data)
        _headlines(product, data)
        _made_up(product, folder)
        documents = dict(_stored(product))
        documents |= _exported(product, folder)
        documents |= _repeated(product, documents)
        documents |= _planned(product)
        return documents


def _check_origin(product: Product) -> None:
    """End the program unless the commands run the checkout's own code."""
    names = ("analysis", "experiments", "web")
    found = product.python("-c", f"import {', '.join(names)}\nfor m in ({', '.join(names)}): print(m.__file__)")
    strangers = [line for line in found.split() if not Path(line).is_relative_to(product.checkout)]
    if strangers:
        raise SystemExit(f"{strangers[0]} is not of this checkout; start the command in the checkout's own folder.")


def _example(product: Product) -> None:
    """Analyse the example with a fixed seed and fixed dates, three times while it runs and once after its end."""
    product.klette("demo", "--members", "30", "--no-analyse")
    began = _sql_time(BEGAN)
    product.change(
        ("DELETE FROM exposure", ()),
        ("DELETE FROM event", ()),
        ("DELETE FROM job", ()),
        ("DELETE FROM audit_entry WHERE action LIKE '%:fill'", ()),
        ("UPDATE run SET seed = 'same-results', started_at = ?", (began,)),
        ("UPDATE experiment SET traffic_seed = 'same-results', created_at = ?", (began,)),
    )
    product.klette("demo", "--no-analyse")
    looks = [
        (
            "INSERT INTO job (kind, experiment_id, payload, state, due_at, requested_by, attempts, progress, message) "
            "SELECT 'analyse', id, ?, 'due', ?, 'cli', 0, 0.0, '' FROM experiment",
            (
                json.dumps({"cut_off_us": round((BEGAN + timedelta(days=days)).timestamp()) * 1_000_000}),
                _sql_time(BEGAN + timedelta(days=days)),
            ),
        )
        for days in LOOKS_AFTER_DAYS
    ]
    product.change(("DELETE FROM job", ()), *looks)
    product.klette("worker", "--once")
    for state, message in product.rows("SELECT state, message FROM job"):
        if state != "done":
            raise SystemExit(f"A look at the example is {state}: {message}")
    product.change(
        ("UPDATE experiment SET state = 'stopped'", ()),
        ("UPDATE run SET ended_at = ?", (_sql_time(ENDED),)),
    )
    product.klette("analyse", EXAMPLE)


def _hillstrom(product: Product, data: Path) -> None:
    product.klette("import", "members", str(data / "hillstrom_email.csv.gz"), *HILLSTROM)


def _headlines(product: Product, data: Path) -> None:
    """Import evenly spaced headline tests, each as the counts of its packages."""
    file = data / "upworthy_tests_dev.csv.gz"
    for number, (test, created) in enumerate(_chosen_tests(file), start=1):
        key = f"headlines-{number:02d}"
        mapped = [part for column in HEADLINE_COLUMNS for part in ("--map", column)]
        ordered = ("import", "counts", str(file), "--key", key, "--where", f"test_id={test}", *mapped)
        if number % UNDATED_EVERY:
            ended = created + timedelta(days=7)
            product.klette(*ordered, "--started", created.isoformat(), "--ended", ended.isoformat())
        else:
            product.klette(*ordered, "--no-analyse")
            product.klette("analyse", key, "--seed", str(SEED))


def _chosen_tests(file: Path) -> list[tuple[str, datetime]]:
    """Return ids and starts of the tests, evenly spaced in the order of ids."""
    found: dict[str, tuple[datetime, bool]] = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            created, seen = found.get(row["test_id"], (datetime.fromisoformat(row["test_created_utc"]), True))
            found[row["test_id"]] = created, seen and int(row["impressions"]) > 0
    usable = sorted((test, created) for test, (created, seen) in found.items() if seen)
    return [usable[place * len(usable) // HEADLINE_TESTS] for place in range(HEADLINE_TESTS)]


def _made_up(product: Product, folder: Path) -> None:
    """Import members with a covariate who come back, buy and bring others, which the other experiments lack."""
    members, events = folder / "members.csv", folder / "events.csv"
    write_audience(members, events)
    metrics = "click_rate,return_rate,purchase_rate,orders,active_days,revenue,half_life,k_factor,reach"
    product.klette(
        *("import", "members", str(members), "--events", str(events), "--key", "made-up", "--control", "plain"),
        *("--covariate", "history", "--segments", "country", "--metrics", metrics, "--primary", "click_rate"),
    )


def _stored(product: Product) -> Iterator[tuple[str, Document]]:
    """Return every stored analysis by its experiment's key and its position: past days of the curve, then results."""
    counted: dict[str, int] = {}
    for key, past, result, inputs, drawing in product.rows(
        "SELECT e.key, a.history_only, a.result, a.inputs, a.drawing FROM analysis a "
        "JOIN experiment e ON e.id = a.experiment_id ORDER BY e.id, a.history_only DESC, a.cut_off_us, a.id"
    ):
        name = f"{key}, {'past day' if past else 'answer'}"
        counted[name] = counted.get(name, 0) + 1
        parts = {"result": result, "inputs": inputs, "drawing": drawing}
        yield f"{name} {counted[name]}", {part: json.loads(text or "null") for part, text in parts.items()}


def _exported(product: Product, folder: Path) -> Document:
    """Return the output of `klette export`: whole summaries, sums of member columns, mean and spread of draws."""
    documents: Document = {}
    for key in (EXAMPLE, "hillstrom", "made-up"):
        summary, members, posterior = (folder / f"{key}{ending}" for ending in ("-summary.csv", "-members.csv", ".nc"))
        files = ("--summary", str(summary), "--members", str(members), "--posterior", str(posterior))
        product.klette("export", key, *files, "--no-sampled")
        with summary.open(encoding="utf-8", newline="") as text:
            documents[f"{key}, summary"] = {
                "/".join((row["metric"], row["variant"], row["population"], row["adjusted_for"])): dict(row)
                for row in csv.DictReader(text)
            }
        documents[f"{key}, members"] = _sums(members)
        documents[f"{key}, draws"] = _moments_of_draws(posterior)
    return documents


def _sums(file: Path) -> Document:
    """Return the number of rows, and the number and exact sum of the numeric cells of each column."""
    count, numbers, sums = 0, dict[str, int](), dict[str, Decimal]()
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            count += 1
            for name, value in row.items():
                if name != "unit" and NUMBER.fullmatch(value):
                    numbers[name] = numbers.get(name, 0) + 1
                    sums[name] = sums.get(name, Decimal()) + Decimal(value)
    return {"rows": count, "numbers": numbers, "sums": {name: str(total) for name, total in sums.items()}}


def _moments_of_draws(file: Path) -> Document:
    """Return mean and standard deviation of every variable, by its other axes."""
    import xarray as xr

    with xr.open_dataset(file, group="posterior", engine="h5netcdf") as posterior:
        return {
            str(name): {
                "mean": variable.mean(("chain", "draw")).values.tolist(),
                "sd": variable.std(("chain", "draw")).values.tolist(),
                "last": variable[-1, -1].values.tolist(),
            }
            for name, variable in posterior.data_vars.items()
        }


def _repeated(product: Product, documents: Mapping[str, Document]) -> Document:
    """Repeat the running example's last analysis from its stored inputs; end the program if it differs."""
    name = f"{EXAMPLE}, answer {len(LOOKS_AFTER_DAYS) + 1}"
    identity = documents[name]["result"]["analysis"]
    printed = product.klette("analyse", EXAMPLE, "--repeat", identity, "--json")
    return {f"{name}, repeated": json.loads(printed)}


def _planned(product: Product) -> Document:
    """Return plans and the prior learned from all experiments; last, because later analyses use the learned prior."""
    amount = ("--baseline", "12.5", "--sd", "31", "--lift", "8%", "--members-a-day", "900", "--variants", "3")
    plans = {
        "plan like the example": ("--like", EXAMPLE),
        "plan of a rate": ("--baseline", "5%", "--lift", "10%", "--members-a-day", "2000"),
        "plan of an amount": amount,
    }
    documents = {name: json.loads(product.klette("plan", *given, "--json")) for name, given in plans.items()}
    product.klette("prior", "learn")
    for prior in ("content", "learned"):
        documents[f"prior {prior}"] = json.loads(product.klette("prior", "show", prior))
    return documents


def _sql_time(moment: datetime) -> str:
    """As SQLite keeps it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Every figure of stored analyses, before and after a change.")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("capture", help="write down every figure that the code here gives")
    taking.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="the public data sets")
    taking.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    taking.add_argument("--database", type=Path, metavar="FILE", help="make the database there, and keep it")
    comparing = commands.add_parser("compare", help="compare two captures; exit status 1 where a figure differs")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument(
        "--renamed", action="append", default=[], metavar="OLD=NEW", help="a name in a path that has changed"
    )
    comparing.add_argument(
        "--added",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that is new in the later capture",
    )
    comparing.add_argument(
        "--removed", action="append", default=[], metavar="NAME", help="a name that the later capture no longer has"
    )
    comparing.add_argument("--words", action="store_true", help="compare every text as well")
    given = parser.parse_args(arguments)
    if given.command == "compare":
        pairs = [pair.partition("=") for pair in given.renamed]
        if not all(old and new for old, _, new in pairs):
            parser.error("write --renamed as OLD=NEW")
        renamed = {old: new for old, _, new in pairs}
        same = compare(
            given.before, given.after, renamed, added=set(given.added), removed=set(given.removed), words=given.words
        )
        return 0 if same else 1
    # An orderly end, so that no command keeps running and the temporary folder is removed.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    began = time.monotonic()
    documents = capture(given.data.resolve(), given.database)
    given.out.write_text(json.dumps(documents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    number = sum(1 for _ in figures(read(given.out), {}))
    print(f"{number:,} figures of {len(documents):,} documents in {time.monotonic() - began:.0f} s: {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
