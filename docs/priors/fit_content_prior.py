"""Fit the built-in prior `content` to the headline tests of the Upworthy Research Archive, and print its figures.

    .venv/bin/python docs/priors/fit_content_prior.py FOLDER

FOLDER holds upworthy_tests_dev.csv.gz: one row a package with test_id, impressions, clicks and fault_window. Tests
inside the fault window (2013-06-25 to 2014-01-10, when assignment was probably not random) are left out.
`analysis/priors.py` carries the figures that this prints, and a test holds them against each other.
"""

import csv
import gzip
import math
import sys
from collections import defaultdict
from pathlib import Path

from analysis import NotShown
from analysis.learning.learn import LearnedLift, TestSummary, learn
from experiments.reporting.sentences.wording import Wording

FILE = "upworthy_tests_dev.csv.gz"


def read(folder: Path) -> list[TestSummary]:
    packages: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with gzip.open(folder / FILE, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if row["fault_window"] == "0" and int(row["impressions"]) > 0:
                packages[row["test_id"]].append((int(row["impressions"]), int(row["clicks"])))
    return [
        TestSummary(key, tuple(n for n, _ in rows), tuple(y for _, y in rows))
        for key, rows in packages.items()
        if len(rows) > 1
    ]


def described(found: LearnedLift) -> str:
    lines = [
        f"{found.tests:,} tests, {found.variants:,} variants, {found.members:,} views",
        f"tau = {found.tau:.4f} (95 %: {found.tau_low:.4f} to {found.tau_high:.4f}) between variants, in log-odds",
        f"sd = {math.sqrt(2) * found.tau:.4f} of a log-lift between two variants",
        f"typical log-odds {found.mean_log_odds:.3f}, spread between tests {found.mean_sd:.3f} (not part of `content`)",
        "Held out, five folds:",
    ]
    for family in found.families:
        shape = "" if family.shape is None else f", shape {family.shape:g}"
        lines.append(
            f"  {family.name:<10} spread {family.spread:.3f}{shape:<12} log score per test {family.log_score:.4f}, "
            f"{family.ahead:+.1f} ± {family.ahead_se:.1f} over all tests"
        )
    return "\n".join([*lines, Wording().text(found.better)])


def main() -> None:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not (Path(sys.argv[1]) / FILE).is_file():
        print(f"There is no {FILE} in {sys.argv[1]!r}; name the folder that holds it.", file=sys.stderr)
        sys.exit(2)
    found = learn(read(Path(sys.argv[1])))
    sys.exit(Wording().text(found.reason)) if isinstance(found, NotShown) else print(described(found))


if __name__ == "__main__":
    main()
