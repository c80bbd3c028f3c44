"""A metric's past days from one pass equal a separate collection of each day."""

from dataclasses import replace

import pytest

from experiments.catalogue.metrics import DAY_US, METRICS
from experiments.collect import collect, has_daily_statistics, statistics_by_day
from experiments.collect.engine import source
from tests.audience import BEGAN_US, CUT_OFF_US, TOLERANCE_US, make_audience, store_audience, store_experiment
from tests.experiments.collect.test_collect import SCOPE, same

DAYS = (1, 2, 3, 5, 8, 12)


@pytest.mark.parametrize("tolerance", [0, TOLERANCE_US])
def test_each_day_equals_a_collection_up_to_that_day(database, tolerance):
    audience = make_audience(31, 500, rich=True)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    backend = source.source(database.url)
    scope = replace(SCOPE, by_arrival=False, tolerance_us=tolerance, begun_us=BEGAN_US)
    metrics = [metric for metric in METRICS if has_daily_statistics(metric)]
    history = {metric.key: statistics_by_day(backend, scope, metric, BEGAN_US, DAYS) for metric in metrics}
    assert {"sticky_rate", "revenue", "orders", "earned_reach"} <= history.keys()
    for place, day in enumerate(DAYS):
        alone = collect(backend, replace(scope, cut_off_us=BEGAN_US + day * DAY_US), metrics)
        for metric in metrics:
            for variant in "abc":
                same(history[metric.key][place][variant], alone.metric_data[metric.key][variant])
    assert BEGAN_US + DAYS[-1] * DAY_US == CUT_OFF_US
    assert sum(history["revenue"][-1][variant].capped for variant in "abc") > 0
    assert history["orders"][0]["a"].n < history["orders"][-1]["a"].n
