"""Segmented rates: for whom a variant works, small groups drawn towards the whole. Sampled by NUTS; needs PyMC.

logit(rate) = rate + variant + segment + variant × segment. Segments and interactions are partially pooled; only the
interaction is non-centred, which mixes best; both sum to 0 over the segments, so that none of them competes with the
rate or the variant. The overall rate is post-stratified: each segment weighs as the audience does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from analysis import engine, priors
from analysis.diagnostics import Diagnostics, diagnose
from analysis.errors import AnalysisError, NotShown
from analysis.posterior import DrawnPosterior, Estimate, drawn_estimate
from analysis.priors import NamedPrior
from analysis.scoring import Direction, MetricResult, result_of
from analysis.statistics import ProportionStatistics

MAX_LEVELS = 200
Cells = Mapping[tuple[str, str], ProportionStatistics]


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One variant in one segment.

    Attributes
    ----------
    rate : Estimate
        Partially pooled.
    raw_rate : float or None
        successes / n.
    lift : Estimate or None
        rate / control's rate in this segment − 1; None for the control.
    raw_lift : float or None
        The same of the raw rates; None where the control's is 0.
    p_beats_control : float or None
    """

    variant: str
    level: str
    n: int
    total: int
    rate: Estimate
    raw_rate: float | None
    lift: Estimate | None
    raw_lift: float | None
    p_beats_control: float | None

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A segmented fit that passed its diagnostics."""

    segment_rows: tuple[SegmentRow, ...]
    overall: MetricResult
    diagnostics: Diagnostics
    levels: tuple[str, ...]
    seed: int
    engine: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "segment_rows": [row.to_dict() for row in self.segment_rows],
            "overall": self.overall.to_dict(),
            "diagnostics": self.diagnostics.to_dict(),
            "levels": list(self.levels),
            "seed": self.seed,
            "engine": self.engine,
        }


def build(variants: int, levels: int) -> Any:
    """Return the PyMC model of that shape, its first variant the control, waiting for data."""
    import pymc as pm

    with pm.Model() as model:
        n = pm.Data("n", np.ones((variants, levels)))
        successes = pm.Data("successes", np.zeros((variants, levels)))
        pooled = pm.Data("pooled", np.array(0.0))
        sds = pm.Data("sds", np.ones(4))
        rate = pm.Normal("rate", pooled, sds[0])
        variant = pm.Normal("variant", 0.0, sds[1], shape=variants - 1)
        # Kept away from 0, where the segments' own scale would close to a neck; the interaction's may well be 0.
        segment_sd = pm.LogNormal("segment_sd", pm.math.log(sds[2]), 0.7)
        segment = pm.ZeroSumNormal("segment", sigma=segment_sd, shape=levels)
        interaction_sd = pm.HalfNormal("interaction_sd", sds[3])
        offset = pm.ZeroSumNormal("offset", sigma=1.0, n_zerosum_axes=1, shape=(variants - 1, levels))
        base = rate + segment
        eta = pm.math.concatenate([base[None, :], base + variant[:, None] + interaction_sd * offset], axis=0)
        # The binomial likelihood without its constant, on floats, so that one compiled model takes any counts.
        pm.Potential("likelihood", (successes * eta - n * pm.math.log1pexp(eta)).sum())
    return model


def fit(
    statistics: Cells,
    prior: NamedPrior,
    rng: np.random.Generator | None = None,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
) -> tuple[np.ndarray, Diagnostics, str] | NotShown:
    """Sample the rates of all cells.

    Parameters
    ----------
    statistics : mapping of (variant, level) to ProportionStatistics
        The first variant is the control.
    prior : NamedPrior
        With `rate_sd`, `variant_sd`, `segment_sd`, `interaction_sd`.
    rng : numpy Generator
        Gives the sampler's seed.

    Returns
    -------
    rates of shape (draws, variants, levels), diagnostics and engine; or NotShown where the fit failed or may not be
    believed.
    """
    n, successes = _tables(statistics)
    if n.shape[1] < 2:
        return NotShown("one_level", "All members are in one segment, so there is nothing to set side by side.")
    if successes.sum() == 0 or successes.sum() == n.sum():
        return NotShown("all_equal", "Nobody or everybody did it so far, so segments cannot be told apart.")
    # The jump away from a pooled rate of exactly 0 or 1 has just been excluded.
    data = {
        "n": n,
        "successes": successes,
        "pooled": logit(successes.sum() / n.sum()),
        "sds": np.array([prior[p] for p in ("rate_sd", "variant_sd", "segment_sd", "interaction_sd")]),
    }
    seed = int((rng or np.random.default_rng(1)).integers(2**31))
    # The second, more careful attempt is for few levels of few members, where the pooling has a narrow neck.
    for accept, longer in ((0.95, 1), (0.995, 2)):
        try:
            found = engine.sample(
                build, n.shape, data, seed=seed, draws=draws * longer, tune=tune * longer, chains=chains, accept=accept
            )
        except engine.EngineError as error:
            return NotShown("fit_failed", f"The segments could not be computed this time ({error}).")
        eta = _eta(found.values)
        diagnostics = diagnose(dict(found.values) | {"eta": eta}, found.divergences)
        if diagnostics.passed:
            break
    if not diagnostics.passed:
        return NotShown("fit_not_trusted", "The segments are not shown: " + " ".join(diagnostics.reasons))
    return expit(eta).reshape(-1, *n.shape), diagnostics, found.engine


def _eta(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the log-odds of each cell, shape (chains, draws, variants, levels)."""
    base = values["rate"][..., None] + values["segment"]
    moved = base[..., None, :] + values["variant"][..., None]
    moved = moved + values["interaction_sd"][..., None, None] * values["offset"]
    return np.concatenate([base[..., None, :], moved], axis=-2)


def _keys(statistics: Cells) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(dict.fromkeys(v for v, _ in statistics)), tuple(dict.fromkeys(level for _, level in statistics))


def _tables(statistics: Cells) -> tuple[np.ndarray, np.ndarray]:
    variants, levels = _keys(statistics)
    empty = ProportionStatistics.empty()
    cells = [[statistics.get((v, level), empty) for level in levels] for v in variants]
    n = np.array([[cell.n for cell in row] for row in cells], float)
    return n, np.array([[cell.successes for cell in row] for row in cells], float)


def _ordered(data: Cells, control: str) -> tuple[Cells, tuple[str, ...]]:
    """Put the control first; return the cells and the variants in their own order."""
    variants, levels = _keys(data)
    if len(variants) < 2:
        raise AnalysisError("too_few_variants", f"There is data for {len(variants)} variants; at least 2 are needed.")
    if control not in variants:
        raise AnalysisError("unknown_variant", f"The control {control!r} has no data; there is {', '.join(variants)}.")
    if len(levels) > MAX_LEVELS:
        raise AnalysisError(
            "bad_request", f"{len(levels)} levels are more than {MAX_LEVELS}; put the rarest together as one level."
        )
    empty = ProportionStatistics.empty()
    order = (control, *(v for v in variants if v != control))
    return {(v, level): data.get((v, level), empty) for v in order for level in levels}, variants


def fit_segments(
    data: Cells,
    *,
    control: str,
    direction: Direction = "higher",
    seed: int = 1,
    draws: int = 1000,
    chains: int = 4,
    prior: NamedPrior = priors.SEGMENT_WEAK,
    metric: str = "",
    rope: float = 0.01,
) -> SegmentResult | NotShown:
    """Say for whom each variant works.

    Parameters
    ----------
    data : mapping of (variant, level) to ProportionStatistics
        Cells that are absent count as empty.
    control : str
    direction : {"higher", "lower"}
    seed : int
        The same seed, data, machine and versions give the same digits.

    Returns
    -------
    SegmentResult, or NotShown with a reason where the fit failed or did not pass its diagnostics.

    Raises
    ------
    AnalysisError
        Fewer than two variants, an unknown control, too many levels.
    """
    cells, variants = _ordered(data, control)
    fitted = fit(cells, prior, np.random.default_rng(seed), draws=draws, chains=chains)
    if isinstance(fitted, NotShown):
        return fitted
    rates, diagnostics, used = fitted
    order, levels = _keys(cells)
    told = {
        "metric": metric,
        "kind": "proportion",
        "direction": direction,
        "control": control,
        "model": "segmented",
        "prior": prior,
        "rope": rope,
    }
    rows = _rows(rates, cells, order, variants, levels, higher=direction == "higher")
    overall = _overall(rates, cells, order, variants, levels, told)
    return SegmentResult(rows, overall, diagnostics, levels, seed, used)


def _rows(
    rates: np.ndarray,
    cells: Cells,
    order: Sequence[str],
    variants: Sequence[str],
    levels: Sequence[str],
    *,
    higher: bool,
) -> tuple[SegmentRow, ...]:
    rows = []
    for g, level in enumerate(levels):
        control = cells[order[0], level]
        for variant in variants:
            v, cell = order.index(variant), cells[variant, level]
            lifts = rates[:, v, g] / rates[:, 0, g] - 1
            raw = None
            if v and cell.n and control.successes:
                raw = (cell.mean or 0.0) / (control.mean or 1.0) - 1
            better = lifts > 0 if higher else lifts < 0
            rows.append(
                SegmentRow(
                    variant,
                    level,
                    cell.n,
                    cell.successes,
                    drawn_estimate(rates[:, v, g]),
                    cell.mean,
                    drawn_estimate(lifts) if v else None,
                    raw,
                    float(better.mean()) if v else None,
                )
            )
    return tuple(rows)


def _overall(
    rates: np.ndarray,
    cells: Cells,
    order: Sequence[str],
    variants: Sequence[str],
    levels: Sequence[str],
    told: dict[str, Any],
) -> MetricResult:
    """Weigh segments as the whole audience does, the same for every variant."""
    n, _ = _tables(cells)
    weights = n.sum(axis=0) / n.sum()
    positions = [order.index(v) for v in variants]
    posterior = DrawnPosterior(tuple(variants), (rates @ weights)[:, positions])
    totals = {v: sum((cells[v, level] for level in levels), ProportionStatistics.empty()) for v in variants}
    return result_of(posterior, totals, told)
