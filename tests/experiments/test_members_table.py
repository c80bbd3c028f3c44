"""The per-member table: what each member did for every metric that a single member can tell."""

import csv
import io
from decimal import Decimal

from experiments.members import MemberTable, batches, to_csv
from experiments.metrics import METRICS
from tests.audience import expected_members, make_audience, store_audience, store_experiment
from tests.experiments.test_collect import SCOPE


def test_every_member_and_every_metric_is_what_the_rules_say(database, database_url):
    audience = make_audience(21, rich=True)
    with database.write() as session:
        store_experiment(session)
        store_audience(session, audience)
    table = MemberTable(database_url, SCOPE, METRICS, ("country",))
    members = expected_members(audience)
    found = {row[0]: dict(zip(table.columns, row, strict=True)) for batch in batches(table) for row in batch}
    assert found.keys() == members.keys()
    for unit, row in found.items():
        for metric in METRICS:
            wanted = members[unit].get(metric.key)
            if metric.kind in ("proportion", "count"):
                assert row[metric.key] == wanted, metric.key
            elif metric.kind == "amount":
                assert (row[metric.key], row[f"{metric.key}_uncut"]) == (min(wanted, metric.cap), wanted), metric.key
            elif metric.kind == "ratio":
                total, number = wanted
                cut = min(total, metric.cap or total)
                assert (row[metric.key], row[f"{metric.key}_number"]) == (cut, number), metric.key
            else:
                assert not any(column.startswith(metric.key) for column in table.columns)
    text = "".join(to_csv(table))
    assert [Decimal(line["sentiment"]) for line in csv.DictReader(io.StringIO(text))] == [
        row["sentiment"] for row in found.values()
    ]
