"""Segment lifts: intervals hold the truth as often as they say (a small form of `tests.proofs.segment_lifts`)."""

import pytest

from tests.proofs.segment_lifts import calibrate, different_in_few, from_the_prior

pytest.importorskip("pymc")


@pytest.mark.slow
@pytest.mark.parametrize("truth", [from_the_prior, different_in_few])
def test_intervals_of_segment_lifts_cover_the_truth(truth):
    found = calibrate(truth, 5, seed=7, variants=2, levels=4, members=20_000)
    assert found.not_shown <= 1
    assert abs(found.coverage - 0.95) < max(3.5 * found.error, 0.03)
    assert found.uniform > 0.001
