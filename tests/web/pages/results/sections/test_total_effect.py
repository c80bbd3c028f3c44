"""The total effect as data: own figures, those with word of mouth, and the lift."""

from tests.web.pages.results import sampled_parts
from tests.web.pages.results.view_of import THIN, page, with_part


def estimate(mean: float, low: float, high: float) -> dict:
    return {"mean": mean, "median": mean, "interval": {"kind": "eti", "probability": 0.95, "low": low, "high": high}}


def entry(metric: str, means: dict[str, float], lift: float = 0.5, **changes) -> dict:
    rows = [
        {"variant": key, "n": 1_000, "total": 1_000 * mean} | estimate(mean, 0.9 * mean, 1.1 * mean)
        for key, mean in means.items()
    ]
    lifts = [
        {"variant": key, "control": "a", "lift": estimate(lift, lift - 0.1, lift + 0.1), "p_beats_control": 0.98}
        for key in means
        if key != "a"
    ]
    known = {"metric": metric, "kind": "count", "not_shown": None}
    return known | {"variants": rows, "comparisons": lifts} | changes


def shown(*entries: dict):
    return page(with_part("total", {"brought": 700, "metrics": list(entries)})).part("total_effect")


def test_the_total_effect_is_beside_the_direct_one_with_its_lift() -> None:
    part = shown(entry("sticky_rate", {"a": 0.15, "b": 1.225, "c": 0.16}))
    assert part.brought == 700
    a, b, c = part.first.rows
    direct = next(one for one in sampled_parts.plain_result()["metrics"] if one["metric"] == "sticky_rate")
    assert b.direct == f"{100 * direct['variants'][1]['mean']:.1f} in 100"
    # A hundred members can have more than a hundred: their cascades count.
    assert (a.total.text, b.total.text, c.total.text) == ("15.0 in 100", "122.5 in 100", "16.0 in 100")
    assert b.total.why.startswith("1,225 ") and "between 110.2 in 100 and 134.8 in 100" in b.total.why
    assert (a.against.text, b.against.text) == ("–", f"+50.0{THIN}%")
    assert f"between +40.0{THIN}% and +60.0{THIN}%" in b.against.why and f"98{THIN}%" in b.against.why


def test_the_deciding_metric_comes_first_and_missing_figures_have_a_reason() -> None:
    reason = sampled_parts.not_shown("too_few", "Too few members did it.")["not_shown"]
    part = shown(
        entry("revenue", {"a": 1.0, "b": 2.0, "c": 1.0}, not_shown=reason),
        entry("sticky_rate", {"a": 0.1, "b": 0.2, "c": 0.1}),
    )
    assert part.first.key == "sticky_rate"
    assert [(group.key, group.not_shown) for group in part.others] == [("revenue", "Too few members did it.")]


def test_without_members_through_shares_there_is_no_section() -> None:
    assert page(with_part("total", None)).part("total_effect") is None
    assert page(sampled_parts.plain_result()).part("total_effect") is None
