"""No difference worth having is called in at most 5 % of tests whose gain matters, whatever the number of looks.

The small form of `tests.proofs.futility`, whose table is in the README.
"""

from tests.proofs.futility import CARING, rows

TESTS = 2_000
LIMIT = 0.05 + 3 * (0.05 * 0.95 / TESTS) ** 0.5


def test_a_gain_that_matters_is_rarely_called_no_difference():
    found = {(row["rule"], row["gain"]): row for row in rows(TESTS)}
    for plan in ("planned", "no plan"):
        assert found[f"{plan}, bound", CARING]["called"] <= LIMIT
        assert found[f"{plan}, without", CARING]["called"] > 2 * LIMIT  # what one look after another does
        for times in (2, 3):
            assert found[f"{plan}, bound", times * CARING]["called"] <= 0.005
    assert found["one look at the end", CARING]["called"] <= LIMIT


def test_tests_without_a_difference_still_end_in_time():
    found = {(row["rule"], row["gain"]): row for row in rows(TESTS)}
    none, once = found["planned, bound", 0.0], found["one look at the end", 0.0]
    assert none["called"] > 0.9 * once["called"]
    assert none["day"] < once["day"]
