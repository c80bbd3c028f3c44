"""The statistics' own proofs, as parts of `make bench`: endings, calibration, real headlines, peers, scorecards."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analysis import Rules
from analysis.planning.audience import Audience
from analysis.planning.forecast import simulate
from analysis.planning.simulated_verdicts import HARM, NO_DIFFERENCE, SHIP
from tests.analysis.segments.calibration import TRUTHS, calibrate, line
from tests.benchmarks import peers, scorecard
from tests.proofs import calibration, upworthy_peers
from tests.proofs.power import powers
from tests.serving import ROOT

TESTS, DAYS, A_DAY, BASE = 20_000, 20, 1_000, 0.05
DATA = Path(os.environ.get("DATA", ROOT.parent / "shared" / "data"))
"""Where the real experiments lie; DATA names another folder."""


def endings(bench: Any) -> None:
    """How tests of one new variant end under the whole rule that decides, looked at daily."""
    print(f"\nHow {TESTS:,} tests end, {DAYS} daily looks, {A_DAY:,} members a variant a day, base {BASE:.0%}")
    print(f"{'':<34}{'true lift':>10}{'ship B':>9}{'no difference':>15}{'stop: harm':>12}{'open':>8}")
    audience, days = Audience(BASE, 2 * A_DAY), np.arange(1, DAYS + 1)
    for name, rules in (("planned for 20 days", Rules(planned_days=DAYS)), ("no duration planned", Rules())):
        for lift in (0.0, 0.05, 0.10):
            drawn = np.full((TESTS, 1), np.log1p(lift))
            ended = simulate(audience, rules, drawn, days, seed=7).ending
            ship, same, harm = (float((ended == code).mean()) for code in (SHIP, NO_DIFFERENCE, HARM))
            left = 1 - ship - same - harm
            print(f"{name:<34}{lift:>+10.0%}{ship:>9.1%}{same:>15.1%}{harm:>12.1%}{left:>8.1%}", flush=True)
            bench.rows.append(
                {"rule": name, "lift": lift, "ship": ship, "no_difference": same, "stop_harm": harm, "open": left}
            )


def power(bench: Any) -> None:
    """How often the better variant is shipped under daily looks, beside O'Brien-Fleming and one look at the end."""
    print(f"\n{'variants':>8}{'days':>6}{'true lift':>11}{'ships it':>10}{'OBF':>8}{'one look':>10}{'to OBF':>8}")
    for row in powers():
        print(
            f"{row['variants']:>8}{row['days']:>6}{row['lift']:>+11.0%}{row['ships']:>10.3f}"
            f"{row['obrien_fleming']:>8.3f}{row['one_look']:>10.3f}{row['ratio']:>8.2f}",
            flush=True,
        )
        bench.rows.append(row)


def calibrated(bench: Any) -> None:
    """Whether 95 % intervals hold the truth in 95 of 100, and ranks are uniform where the prior made the truth."""
    print(f"\n{'model':<20}{'truth':<42}{'quantity':<12}{'runs':>6}{'not shown':>11}{'coverage':>10}{'uniform p':>11}")
    for row in calibration.calibrations():
        p = "" if row["uniform p"] is None else f"{row['uniform p']:.2f}"
        miss = "" if 0.93 <= row["coverage"] <= 0.97 else "  misses"
        print(
            f"{row['model']:<20}{row['truth']:<42}{row['quantity']:<12}{row['runs']:>6,}{row['not shown']:>11.1%}"
            f"{row['coverage']:>10.1%}{p:>11}{miss}",
            flush=True,
        )
        bench.rows.append(row)


def segment_lifts(bench: Any) -> None:
    """Whether intervals of segment lifts hold the truth: over an hour of processor time, so only where asked for."""
    print()
    for truth in TRUTHS:
        found = calibrate(truth, 200, seed=2026)
        print(line(truth, found), flush=True)
        bench.rows.append({"truth": truth.__name__} | asdict(found))


def headlines(bench: Any) -> None:
    """Thousands of real headline tests: the first part of each predicts its rest, ours beside flat priors and peers."""
    if not DATA.is_dir():
        print(f"\nHeadlines: left out, since {DATA} is not there; DATA names the folder of upworthy_tests_dev.csv.gz.")
        return
    print("\n" + upworthy_peers.HEAD)
    for share in (0.10, 0.25, 0.50):
        for row in upworthy_peers.table(DATA, share):
            print(upworthy_peers.line(row), flush=True)
            bench.rows.append(
                {name: getattr(row.scores, name) for name in row.scores.__slots__}
                | {"beats_log_score": row.beats_log_score}
            )
    print(f"a package picked at random captures {row.scores.at_random:.3%}")


def rows(bench: Any) -> None:
    """Ten million rows in memory to the answers on a rate and an amount, each engine in its own process."""
    print("\n10,000,000 rows to answers (the quickest of three; memory beyond the rows and what was imported)")
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


def scored(bench: Any) -> None:
    """Sufficient statistics to scorecards, and the sampled part."""
    print("\n10 metrics × 5 variants × 30 segments, from sufficient statistics")
    for name, value in scorecard.measure().items():
        print(f"{name:<40}{value:>9.3f}" + ("" if name.endswith("shown") else " s"))
        bench.rows.append({"what": name, "value": value})


PARTS = (
    ("endings", endings),
    ("power", power),
    ("calibration", calibrated),
    ("segments", segment_lifts),
    ("headlines", headlines),
    ("rows", rows),
    ("scorecard", scored),
)
