"""``make proof``: the statistics on simulated experiments with known truth, and on thousands of real ones.

Each part prints a table; ``docs/statistics.md`` quotes them. They take minutes to hours of processor time; `make test`
has a small, seeded form of each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analysis import Rules
from analysis.planning.audience import Audience
from analysis.planning.forecast import simulate
from analysis.planning.simulated_verdicts import HARM, NO_DIFFERENCE, SHIP
from tests.proofs import amount_coverage, calibration, futility, honesty, upworthy_peers
from tests.proofs.power import powers
from tests.proofs.retention import table as retention_table
from tests.proofs.segment_lifts import TRUTHS, calibrate, line, small
from tests.proofs.word_of_mouth import table as word_of_mouth_table
from tests.serving import ROOT

TESTS, DAYS, A_DAY, BASE = 20_000, 20, 1_000, 0.05
DATA = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
"""The folder of the real experiments; the variable DATA overrides it."""


@dataclass
class Proof:
    """The rows of the tables of one run."""

    rows: list[Mapping[str, object]] = field(default_factory=list)


def endings(proof: Proof) -> None:
    """Print how tests of one new variant end under the whole stopping rule with daily looks."""
    print(f"\nHow {TESTS:,} tests end, {DAYS} daily looks, {A_DAY:,} members per variant and day, baseline {BASE:.0%}")
    print(f"{'':<34}{'true lift':>10}{'ship B':>9}{'no difference':>15}{'stop: harm':>12}{'open':>8}")
    audience, days = Audience(BASE, 2 * A_DAY), np.arange(1, DAYS + 1)
    for name, rules in (("planned for 20 days", Rules(planned_days=DAYS)), ("no duration planned", Rules())):
        for lift in (0.0, 0.05, 0.10):
            drawn = np.full((TESTS, 1), np.log1p(lift))
            ended = simulate(audience, rules, drawn, days, seed=7).ending
            ship, same, harm = (float((ended == code).mean()) for code in (SHIP, NO_DIFFERENCE, HARM))
            left = 1 - ship - same - harm
            print(f"{name:<34}{lift:>+10.0%}{ship:>9.1%}{same:>15.1%}{harm:>12.1%}{left:>8.1%}", flush=True)
            proof.rows.append(
                {"rule": name, "lift": lift, "ship": ship, "no_difference": same, "stop_harm": harm, "open": left}
            )


def power(proof: Proof) -> None:
    """Print how often the better variant is shipped with daily looks, by O'Brien-Fleming and with one look."""
    print(f"\n{'variants':>8}{'days':>6}{'true lift':>11}{'ships it':>10}{'OBF':>8}{'one look':>10}{'to OBF':>8}")
    for row in powers():
        print(
            f"{row['variants']:>8}{row['days']:>6}{row['lift']:>+11.0%}{row['ships']:>10.3f}"
            f"{row['obrien_fleming']:>8.3f}{row['one_look']:>10.3f}{row['ratio']:>8.2f}",
            flush=True,
        )
        proof.rows.append(row)


def calibrated(proof: Proof) -> None:
    """Print the coverage of 95 % intervals, and whether ranks are uniform if the truth is drawn from the prior."""
    print(f"\n{'model':<20}{'truth':<42}{'quantity':<12}{'runs':>6}{'not shown':>11}{'coverage':>10}{'uniform p':>11}")
    for row in calibration.calibrations():
        p = "" if row["uniform p"] is None else f"{row['uniform p']:.2f}"
        miss = "" if 0.93 <= row["coverage"] <= 0.97 else "  misses"
        print(
            f"{row['model']:<20}{row['truth']:<42}{row['quantity']:<12}{row['runs']:>6,}{row['not shown']:>11.1%}"
            f"{row['coverage']:>10.1%}{p:>11}{miss}",
            flush=True,
        )
        proof.rows.append(row)


def segment_lifts(proof: Proof) -> None:
    """Print the coverage of intervals of segment lifts; takes over an hour of processor time."""
    print()
    for truth in TRUTHS:
        found = calibrate(truth, 200, seed=2026)
        print(line(truth, found), flush=True)
        proof.rows.append({"truth": truth.__name__} | asdict(found))


def headlines(proof: Proof) -> None:
    """Print how well the first part of each real headline test predicts the rest: ours, flat priors and peers."""
    if not DATA.is_dir():
        print(f"\nHeadlines skipped: {DATA} does not exist. Set DATA to the folder of upworthy_tests_dev.csv.gz.")
        return
    print("\n" + upworthy_peers.HEAD)
    for share in (0.10, 0.25, 0.50):
        for row in upworthy_peers.table(DATA, share):
            print(upworthy_peers.line(row), flush=True)
            proof.rows.append(
                {name: getattr(row.scores, name) for name in row.scores.__slots__}
                | {"beats_log_score": row.beats_log_score}
            )
    print(f"A package chosen at random captures {row.scores.at_random:.3%}")


def honest(proof: Proof) -> None:
    """Print the error rates of the rules, and of the rule that most tools use."""
    pace = f"{honesty.A_DAY:,} members per variant and day"
    print(f"\n{honesty.RUNS:,} experiments per lift, {honesty.DAYS} daily looks, {pace}")
    for row in honesty.false_winners():
        shares = "".join(f"{name:>18} {share:6.1%}" for name, share in row.items() if name != "rule")
        print(f"{row['rule']:<40}{shares}")
        proof.rows.append(row)
    print("\nCoverage of 95 % intervals of the mean amount per member, log-normal amounts")
    for row in honesty.coverage():
        print(
            f"{row['members']:>8,} members, {row['buyers']:>6,.0f} buyers, sigma {row['sigma']}{row['coverage']:>8.1%}"
        )
        proof.rows.append(row)


def no_difference(proof: Proof) -> None:
    """Print how often, and on which day, tests are called no difference, by their true gain."""
    pace = f"{futility.A_DAY:,} members a day, baseline {futility.BASE:.0%}"
    print(f"\n{TESTS:,} tests, {futility.DAYS} daily looks, {pace}; a gain of {futility.CARING:.0%} matters")
    print(f"{'rule':<24}{'true gain':>10}{'no difference':>15}{'median day':>12}")
    for row in futility.rows(TESTS):
        day = "" if row["day"] is None else f"{row['day']:.0f}"
        print(f"{row['rule']:<24}{row['gain']:>+10.0%}{row['called']:>15.1%}{day:>12}", flush=True)
        proof.rows.append(row)


def money(proof: Proof) -> None:
    """Print the coverage of 95 % intervals of amounts by tail, with equal and with tenfold control groups."""
    for uneven in (False, True):
        print(f"\n{amount_coverage.HEAD}" + ("   (the control has ten times the members)" if uneven else ""))
        for cell in amount_coverage.grid(2000, uneven=uneven):
            print(amount_coverage.line(cell), flush=True)
            proof.rows.append({"uneven": uneven} | asdict(cell))


def word_of_mouth(proof: Proof) -> None:
    """Print the coverage of intervals of the K-factor while many members are recent; takes 15 minutes of a core."""
    _print_lines(proof, "Word of mouth, 1,000 experiments of two variants", word_of_mouth_table(1_000))


def retention(proof: Proof) -> None:
    """Print the coverage of intervals of the half-life and of the curves."""
    _print_lines(proof, "Retention, 2,000 experiments", retention_table(2_000))


def _print_lines(proof: Proof, title: str, lines: list[str]) -> None:
    print(f"\n{title}")
    print("\n".join(lines), flush=True)
    proof.rows.append({"part": title, "lines": lines})


def small_audiences(proof: Proof) -> None:
    """Print segment lifts of 1,300 small audiences with truths from the prior; takes two hours of a core."""
    found = small()
    print(f"\n{found}")
    proof.rows.append({"small audiences": found})


PARTS: tuple[tuple[str, Callable[[Proof], None]], ...] = (
    ("honesty", honest),
    ("futility", no_difference),
    ("endings", endings),
    ("power", power),
    ("calibration", calibrated),
    ("money", money),
    ("retention", retention),
    ("word-of-mouth", word_of_mouth),
    ("headlines", headlines),
    ("segments", segment_lifts),
    ("small-audiences", small_audiences),
)
BY_NAME = ("segments", "small-audiences")
"""Parts that take hours; they run only if named."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make proof", description=__doc__)
    parser.add_argument("--part", choices=[name for name, _ in PARTS], action="append", help="only this part")
    chosen = parser.parse_args().part
    proof = Proof()
    for name, part in PARTS:
        if name in chosen if chosen else name not in BY_NAME:
            part(proof)
    _keep(proof)


def _keep(proof: Proof) -> None:
    now = datetime.now(UTC)
    file = Path("var") / "proof" / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"at": now.isoformat(), "python": sys.version, "rows": proof.rows}
    file.write_text(json.dumps(about, indent=2) + "\n")
    print(f"Saved to {file}")


if __name__ == "__main__":
    main()
