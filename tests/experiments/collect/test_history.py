"""A metric's past days from one pass are what a collection of each day by itself would have told."""

from dataclasses import replace

import pytest

from experiments.catalogue.metrics import DAY_US, METRICS
from experiments.collect import collect, statistics_by_day, told_by_day
from experiments.collect.engine import source
from tests.audience import BEGAN_US, CUT_OFF_US, TOLERANCE_US, make_audience, store_audience, store_experiment
from tests.experiments.collect.test_collect import SCOPE, same

DAYS = (1, 2, 3, 5, 8, 12)


@pytest.mark.parametrize("tolerance", [0, TOLERANCE_US])
def test_each_day_is_what_a_collection_of_that_day_tells(database, tolerance):
    audience = make_audience(31, 500, rich=True)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    backend = source.source(database.url)
    scope = replace(SCOPE, by_arrival=False, tolerance_us=tolerance, begun_us=BEGAN_US)
    told = [metric for metric in METRICS if told_by_day(metric)]
    stood = {metric.key: statistics_by_day(backend, scope, metric, BEGAN_US, DAYS) for metric in told}
    assert {"sticky_rate", "revenue", "orders", "earned_reach"} <= stood.keys()
    for place, day in enumerate(DAYS):
        alone = collect(backend, replace(scope, cut_off_us=BEGAN_US + day * DAY_US), told)
        for metric in told:
            for variant in "abc":
                same(stood[metric.key][place][variant], alone.metric_data[metric.key][variant])
    assert BEGAN_US + DAYS[-1] * DAY_US == CUT_OFF_US
    assert sum(stood["revenue"][-1][variant].capped for variant in "abc") > 0
    assert stood["orders"][0]["a"].n < stood["orders"][-1]["a"].n
