"""Cells in arrays: sums kept, the work bounded by putting the rarest levels together."""

import numpy as np
import pytest

from analysis import AnalysisError, ProportionStatistics
from analysis.segments.cells import MAX_COMBINATIONS, table_of


def crossed(countries: int, devices: int, plans: int) -> dict:
    """Two variants; levels are the rarer the higher their number."""
    cells = {}
    for v in "ab":
        for c in range(countries):
            for d in range(devices):
                for p in range(plans):
                    n = 1 + (400 // (1 + c)) * (1 + devices - d)
                    cells[v, (f"c{c:02}", f"d{d}", f"p{p}")] = ProportionStatistics(n, n // 3)
    return cells


def test_every_member_is_somewhere_once():
    cells = crossed(3, 2, 2)
    table = table_of(cells, ["country", "device", "plan"], "b")
    assert table.variants == ("b", "a") and table.shape == (2, 3, 2, 2) and table.merged == ()
    assert table.n.shape == (2, 12) and table.n.sum() == sum(cell.n for cell in cells.values())
    assert table.audience.sum() == pytest.approx(1.0)
    alone = table.of(1)
    assert alone.attributes == ("device",) and alone.shape == (2, 2)
    assert alone.n[1, 0] == sum(cell.n for (v, own), cell in cells.items() if v == "a" and own[1] == "d0")
    assert alone.successes.sum() == table.successes.sum()
    part = table.only([0, 2])
    assert part.shape == (2, 3, 2) and part.index.tolist() == table.index[[0, 2]].tolist()


def test_too_many_combinations_put_the_rarest_levels_of_each_attribute_together():
    cells = crossed(60, 9, 4)
    table = table_of(cells, ["country", "device", "plan"], "a")
    assert table.n.shape[1] <= MAX_COMBINATIONS < 60 * 9 * 4
    assert table.n.sum() == sum(cell.n for cell in cells.values())
    merged = dict(table.merged)
    assert "others" in table.levels[0] and "c00" in table.levels[0] and "c59" in merged["country"]
    kept = len(table.levels[0]) - 1
    # one level more of each would have been too many
    assert (kept + 2) * min(9, kept + 2) * 4 > MAX_COMBINATIONS
    assert "plan" not in merged
    turned = table_of(dict(reversed(list(cells.items()))), ["country", "device", "plan"], "a")
    assert set(turned.levels[0]) == set(table.levels[0])


def test_absent_cells_are_empty_and_levels_called_others_are_put_with_the_others(monkeypatch):
    cells = {("a", ("x", "u")): ProportionStatistics(10, 1), ("b", ("y", "w")): ProportionStatistics(5, 2)}
    table = table_of(cells, ["s", "t"], "a")
    assert table.n.tolist() == [[10, 0], [0, 5]]
    monkeypatch.setattr("analysis.segments.cells.MAX_COMBINATIONS", 4)
    levels = {"x": 9, "y": 5, "z": 3, "w": 2, "others": 50}
    cells = {(v, (level, t)): ProportionStatistics(n, 1) for v in "ab" for level, n in levels.items() for t in "uv"}
    table = table_of(cells, ["s", "t"], "a")
    assert table.levels[0] == ("x", "others") and dict(table.merged)["s"] == ("others", "w", "y", "z")
    assert np.array_equal(table.n.sum(axis=1), [138, 138])


def test_cells_that_do_not_fit_the_attributes_are_refused():
    cells = {(v, ("x", "u")): ProportionStatistics(10, 1) for v in "ab"}
    with pytest.raises(AnalysisError, match="one level for each of s"):
        table_of(cells, ["s"], "a")
    with pytest.raises(AnalysisError, match="name each once"):
        table_of(cells, ["s", "s"], "a")
    with pytest.raises(AnalysisError, match="attributes are none"):
        table_of(cells, [], "a")
