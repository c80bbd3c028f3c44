"""The run that an exposure belongs to, by its own time."""

import random

import pytest

from experiments.assignment.configuration import LiveExperiment, LiveRun
from experiments.assignment.eligibility import run_at


def experiment(starts: list[int], ended: int | None) -> LiveExperiment:
    """An experiment whose runs follow each other; each new one ends the one before."""
    ends: list[int | None] = [*starts[1:], ended]
    runs = [
        LiveRun(number, number, f"seed-{number}", (), (10_000,), 1, (), start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]
    return LiveExperiment(
        id=1, project_id=1, key="spring", state="running", currency="EUR", run_id=len(runs), run_number=len(runs),
        started_us=starts[-1], ended_us=ended, earlier_runs=tuple(reversed(runs[:-1])),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_a_time_belongs_to_the_one_run_that_contains_it(seed):
    rng = random.Random(seed)
    starts = sorted(rng.sample(range(1_000), rng.randint(1, 6)))
    ended = rng.choice([None, starts[-1] + rng.randint(0, 200)])
    live = experiment(starts, ended)
    for at_us in range(-5, 1_300):
        found, outside = run_at(live, at_us)
        if at_us < starts[0]:
            expected = (1, "before")
        elif ended is not None and at_us >= ended:
            expected = (len(starts), "after")
        else:
            expected = (sum(start <= at_us for start in starts), None)
        assert (found.run_number, outside) == expected
