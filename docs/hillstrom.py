"""A walk-through for analysts: 64,000 customers, three e-mails, and `analysis` (no server, no database, no PyMC).

    .venv/bin/python docs/hillstrom.py FOLDER

FOLDER holds hillstrom_email.csv.gz: Kevin Hillstrom's e-mail challenge of 2008, one row per customer with the e-mail
sent (segment), and visit, conversion and spend in the two weeks after it. Each step prints its figures.
"""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np

from analysis import Audience, Look, Rules, decide, plan, priors, scorecard, summarise
from analysis.health.split import split_of
from analysis.models.cuped import adjust
from experiments.reporting.phrases import chance
from experiments.reporting.plan import plan_in_words
from experiments.reporting.sentences.wording import Wording

CONTROL = "No E-Mail"
FILE = "hillstrom_email.csv.gz"


def read(folder):
    """Columns by name, as arrays: all that any of the steps needs."""
    with gzip.open(Path(folder) / FILE, "rt") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in ("segment", "channel", "zip_code")}
    return columns | {
        "visit": np.array([row["visit"] == "1" for row in rows]),
        "conversion": np.array([row["conversion"] == "1" for row in rows]),
        "spend": np.array([float(row["spend"]) for row in rows]),
        "history": np.array([float(row["history"]) for row in rows]),
    }


def the_split(customers):
    """1. First: were the customers really split into thirds?"""
    names, counts = np.unique(customers["segment"], return_counts=True)
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    check = split_of(sizes, dict.fromkeys(sizes, 1 / 3), imported=True)
    print(f"Split: {sizes}\n  {check.status}: {Wording().text(check.detail)}")
    return check


def rates(customers):
    """2. Who visited? With sufficient statistics, the cost no longer grows with the audience."""
    visits = summarise(customers["segment"], customers["visit"], kind="proportion")
    card = scorecard(visits, control=CONTROL, metric="visit")
    print("\nVisits (raw rate; then the estimate, drawn slightly towards the others, with its 95 % interval)")
    for row in card.variants:
        low, high = row.interval.low, row.interval.high
        believed = f"{row.mean:7.3%} ({low:.3%} to {high:.3%})"
        print(f"  {row.variant:<14} {row.raw_mean:7.3%}  {believed}  best: {chance(row.p_best)}")
    for row in card.comparisons:
        low, high = row.lift.interval.low, row.lift.interval.high
        print(f"  {row.variant:<14} lift {row.lift.mean:+.1%} ({low:+.1%} to {high:+.1%})")
    return card


def amounts(customers):
    """3. What did they spend? Few buy and amounts vary widely, so the intervals are wide."""
    spend = summarise(customers["segment"], customers["spend"], kind="amount", cap=500)
    card = scorecard(spend, control=CONTROL, metric="spend")
    print("\nSpend per customer, buyers or not (each capped at 500)")
    for row in card.variants:
        print(f"  {row.variant:<14} {row.mean:6.3f}  ({row.interval.low:.3f} to {row.interval.high:.3f})")
    return card


def adjusted(customers):
    """4. CUPED: does last year's spend predict this year's? Hardly."""
    spend = summarise(customers["segment"], customers["spend"], kind="amount", covariate=customers["history"])
    found = adjust(spend)
    print(
        f"\nCUPED on last year's spend: correlation {found.correlation:.3f}, "
        f"variance reduced by {found.variance_reduction:.2%}"
    )
    card = scorecard(spend, control=CONTROL, metric="spend", model="adjusted")
    for row in card.comparisons:
        low, high = row.difference.interval.low, row.difference.interval.high
        print(f"  {row.variant:<14} {row.difference.mean:+.3f} per customer ({low:+.3f} to {high:+.3f})")
    return found, card


def segments(customers):
    """5. For whom? Each level alone; `analysis.segments.fit.fit_segments` pools them, with PyMC."""
    print("\nLift of visits over no e-mail, by channel")
    cards = {}
    for channel in np.unique(customers["channel"]).tolist():
        these = customers["channel"] == channel
        cells = summarise(customers["segment"][these], customers["visit"][these], kind="proportion")
        cards[channel] = scorecard(cells, control=CONTROL)
        lifts = ", ".join(f"{row.variant} {row.lift.mean:+.0%}" for row in cards[channel].comparisons)
        print(f"  {channel:<14} {lifts}  ({these.sum():,} customers)")
    return cards


def beliefs():
    """6. Each prior has a name and a reason."""
    print("\nPriors on the lift")
    for prior in (priors.CONTENT, priors.SCEPTICAL):
        print(f"  {prior.name} (sd {prior['sd']}): {Wording().text(prior.reason)}")


def verdicts(card, check):
    """7. The verdict in words: at the end, and for the same figures on day 2."""
    rules = Rules(planned_days=14)
    answers = {
        "at the end": decide(card, rules=rules, health=[check], elapsed_days=14, looks=(), once=True, finished=True),
        "on day 2": decide(card, rules=rules, health=[check], elapsed_days=2, looks=[Look(1, 21_000)]),
    }
    # A verdict holds codes and parameters, which reporting puts into words.
    words = Wording({row.variant: f"“{row.variant}”" for row in card.variants}, {"visit": "visitors"})
    print()
    for when, answer in answers.items():
        print(f"Verdict {when}: {words.text(answer.headline)} {words.text(answer.reason)}")
    return answers


def next_time(card):
    """8. How long must the next test run, at 1,500 customers per day, to detect a lift of 10 %?"""
    base = card.variant(CONTROL).mean
    found = plan(Audience(base, members_a_day=1_500), lift=0.10)
    words = plan_in_words(found)
    print(f"\nNext time: {words.headline} {words.reason}")
    for figure in words.figures:
        print(f"  {figure.label}: {figure.value}")
    return found


def main(folder):
    customers = read(folder)
    check = the_split(customers)
    visits = rates(customers)
    amounts(customers)
    adjusted(customers)
    segments(customers)
    beliefs()
    verdicts(visits, check)
    next_time(visits)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not (Path(sys.argv[1]) / FILE).is_file():
        print(f"There is no {FILE} in {sys.argv[1]!r}; name the folder that holds it.", file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1])
