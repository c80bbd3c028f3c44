"""The published hash: test vectors, uniformity, independence, and bucket edges."""

import json
import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from experiments.assignment.bucketing import BUCKETS, bucket, edges, fnv1a32, pick
from experiments.errors import InvalidError
from tests.serving import ROOT

DOCUMENT = (ROOT / "docs" / "assignment.md").read_text()
VECTORS = [
    (seed, unit, int(number)) for seed, unit, number in re.findall(r"^\| `(.+)` \| `(.+)` \| (\d+) \|$", DOCUMENT, re.M)
]
UNITS = [f"u-{number}" for number in range(100_000)]

# Fractions that GrowthBook publishes with its SDKs for hashVersion 2 (packages/sdk-js/test/cases.json, "hash").
GROWTHBOOK = {
    ("seed", "a"): 0.0505,
    ("seed", "b"): 0.2696,
    ("foo", "ab"): 0.2575,
    ("foo", "def"): 0.2019,
    ("89123klj", "8952klfjas09ujkasdf"): 0.124,
    ("90850943850283058242805", "123"): 0.7516,
    ("()**(%$##$%#$#", '___)((*":&'): 0.0128,
}  # fmt: skip

weight_lists = (
    st.lists(st.integers(0, 1000), min_size=1, max_size=20)
    .filter(any)
    .map(lambda parts: [part / sum(parts) for part in parts])
)


def _snippet(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.S).group(1)  # type: ignore[union-attr]


@pytest.mark.parametrize(("text", "expected"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_fnv_matches_the_reference_values_of_its_authors(text, expected):
    assert fnv1a32(text) == expected


def test_the_documents_vectors_hold():
    assert len(VECTORS) >= 14
    assert [(seed, unit, bucket(seed, unit)) for seed, unit, _ in VECTORS] == VECTORS


def test_growthbooks_vectors_hold_and_are_in_the_document():
    for (seed, unit), fraction in GROWTHBOOK.items():
        assert bucket(seed, unit) == round(fraction * BUCKETS)
        assert (seed, unit, round(fraction * BUCKETS)) in VECTORS


def test_the_documents_python_gives_the_documents_vectors():
    scope: dict = {}
    exec(_snippet("python"), scope)
    assert [scope["bucket"](seed, unit) for seed, unit, _ in VECTORS] == [number for *_, number in VECTORS]


def test_the_documents_javascript_gives_the_documents_vectors():
    node = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}:/usr/local/bin:/usr/bin")
    if not node:
        pytest.skip("there is no node here: `make setup` installs one")
    asked = json.dumps([[seed, unit] for seed, unit, _ in VECTORS])
    program = f"{_snippet('js')}\nconsole.log(JSON.stringify({asked}.map(([seed, unit]) => bucket(seed, unit))));"
    answered = subprocess.run([node, "-e", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(answered.stdout) == [number for *_, number in VECTORS]


@pytest.mark.parametrize("seed", ["a", "spring-headline", "9f2c61ab0d4e7788"])
def test_buckets_are_uniform_over_a_hundred_thousand_units(seed):
    slices = np.bincount([bucket(seed, unit) // 100 for unit in UNITS], minlength=100)
    assert chisquare(slices).pvalue > 1e-4


@pytest.mark.parametrize(("one", "other"), [("s1", "s2"), ("traffic-9f2c", "variant-9f2c"), ("a", "b")])
def test_seeds_are_independent_of_each_other(one, other):
    table = np.zeros((10, 10))
    for unit in UNITS:
        table[bucket(one, unit) // 1000, bucket(other, unit) // 1000] += 1
    assert chi2_contingency(table).pvalue > 1e-4


@given(st.text(max_size=20), st.text(max_size=50))
def test_a_bucket_is_stable_and_follows_the_definition(seed, unit):
    def plain(text: str) -> int:
        hashed = 2166136261
        for byte in text.encode():
            hashed = (hashed ^ byte) * 16777619 % 2**32
        return hashed

    assert bucket(seed, unit) == bucket(seed, unit) == plain(str(plain(seed + unit))) % 10_000


@given(weight_lists)
def test_each_weight_gets_its_share_to_one_bucket(weights):
    assume(not any(0 < weight < 1 / BUCKETS for weight in weights))
    upper = edges(weights)
    owned = np.diff([0, *upper])
    assert upper[-1] == BUCKETS
    assert all(abs(share - weight * BUCKETS) <= 1 + 1e-6 for share, weight in zip(owned, weights, strict=True))
    assert all((share > 0) == (weight > 0) for share, weight in zip(owned, weights, strict=True))


@given(weight_lists, st.integers(0, BUCKETS - 1))
def test_every_bucket_belongs_to_exactly_one_variant(weights, number):
    assume(not any(0 < weight < 1 / BUCKETS for weight in weights))
    upper = edges(weights)
    owner = pick(upper, number)
    assert ([0, *upper][owner]) <= number < upper[owner]


def test_known_edges():
    assert edges([0.2, 0.3, 0.5]) == (2000, 5000, 10_000)
    assert edges([1 / 3, 1 / 3, 1 / 3]) == (3333, 6667, 10_000)
    assert edges([0.5, 0.0, 0.5]) == (5000, 5000, 10_000)
    assert edges([0.0001, 0.9999]) == (1, 10_000)


@pytest.mark.parametrize("weights", [[], [0.5, 0.4], [0.6, 0.6], [1.5, -0.5], [math.nan, 1.0], [0.00001, 0.99999]])
def test_invalid_weights_are_refused(weights):
    with pytest.raises(InvalidError):
        edges(weights)
