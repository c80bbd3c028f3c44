"""Whole cascades: the rules applied to each member, whose outcomes count for the root of the cascade."""

import json
from collections import defaultdict
from dataclasses import replace

import pytest

from analysis.statistics import AmountStatistics, CountStatistics
from experiments.catalogue.metrics import METRICS
from experiments.collect.collected import Collected
from tests.audience import BEGAN_US, TOLERANCE_US, expected_members, make_audience
from tests.experiments.collect.test_collect import SCOPE, collected_from, same


@pytest.mark.parametrize("by_arrival", [True, False])
def test_the_total_counts_all_outcomes_of_a_cascade_for_its_root(database, by_arrival):
    audience = make_audience(3, 600, rich=True)
    scope = replace(SCOPE, by_arrival=by_arrival, tolerance_us=TOLERANCE_US, begun_us=BEGAN_US)
    collected = collected_from(database, audience, scope)
    people = expected_members(audience, by_arrival=by_arrival, tolerance_us=TOLERANCE_US, brought=True)
    cascades = defaultdict(list)
    for unit, member in people.items():
        row = member["row"]
        root = people.get(unit if row["origin"] == "randomised" else row.get("root"))
        if root and root["row"]["origin"] == "randomised" and root["row"]["variant"] == row["variant"]:
            cascades[root["row"]["unit"]].append(member)
    assert max(map(len, cascades.values())) > 5
    additive = [found for found in METRICS if found.kind in ("proportion", "count", "amount")]
    assert sorted(collected.total_data) == sorted(found.key for found in additive)
    for found in additive:
        for variant in "abc":
            own = [tree for tree in cascades.values() if tree[0]["row"]["variant"] == variant]
            sums = [sum(min(one[found.key], found.cap or one[found.key]) for one in tree) for tree in own]
            seen = collected.total_data[found.key][variant]
            if found.kind == "amount":
                same(seen, AmountStatistics.from_values(sums))
            else:
                same(seen, CountStatistics(tuple((int(times), 1) for times in sums)))
            assert seen.n == collected.counts[variant]
    assert Collected.from_dict(json.loads(json.dumps(collected.to_dict()))).total_data == collected.total_data


def test_without_brought_members_there_are_no_totals(database):
    audience = make_audience(4)
    audience.exposures = [row for row in audience.exposures if row["origin"] == "randomised"]
    assert collected_from(database, audience).total_data == {}
