"""Draws of what an answer tells beside its scorecard: segments, staying, word of mouth, amounts, counts.

They come from the very fits of the stored answer, made again with its inputs and its seed: the means are the stored
ones. A fit that had to run longer has more draws than a file holds, so only every so many of them are kept (`every`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis import NotShown
from analysis.errors import not_shown
from experiments.analyses import sampled as deeper
from experiments.catalogue.metrics import metric
from experiments.exporting.source import Stored

CHAINS, DRAWS = 4, 1_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A variable of the file.

    Attributes
    ----------
    values : array of shape (CHAINS, DRAWS, ...)
    axes : tuple of str
        Names of the axes after chain and draw.
    labels : dict of str to list
        What stands along an axis other than `variant`.
    told : dict of str to str or int
        Attributes.
    """

    values: np.ndarray
    axes: tuple[str, ...] = ("variant",)
    labels: dict[str, list[Any]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


Found = Iterator[tuple[str, Drawn | str]]
"""The name of a variable with its draws, or with the sentence why there are none."""


def sampled(stored: Stored, *, models: bool) -> Found:
    """Yield every variable, or why it is missing.

    Parameters
    ----------
    models : bool
        Whether to fit what takes a sampler (PyMC, seconds); without it only the half-life is drawn.
    """
    for key, data in stored.collected.metric_data.items():
        kind = metric(key).kind
        if kind == "retention":
            yield from _staying(stored, key, data, models)
        elif kind == "cascade":
            yield from _brought(stored, key, data) if models else [(key, stored.wording.text(_UNASKED.reason))]
        elif models and _was_shown(stored, "amounts", key):
            yield from _spent(stored, key, data)
        elif models and _was_shown(stored, "counts", key):
            yield from _counted(stored, key, data)
    if models:
        yield from _segments(stored)


_UNASKED = not_shown("not_asked.sampler")


def kept(values: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """As many draws as the file holds, of shape (CHAINS, DRAWS, ...), and every how many of them that is."""
    shaped = values.reshape(CHAINS, -1, *values.shape[1:])
    every = shaped.shape[1] // DRAWS
    return shaped[:, :: max(1, every)][:, :DRAWS], {"every": every} if every > 1 else {}


def _by_variant(stored: Stored, draws: Mapping[str, np.ndarray | None], missing: Mapping[str, NotShown]) -> Drawn | str:
    """Put variants side by side; one without draws is not a number, and the attributes give the reason."""
    why = {key: stored.wording.text(found.reason) for key, found in missing.items()}
    known = {key: drawn for key, drawn in draws.items() if drawn is not None}
    if not known:
        return next(iter(why.values()), stored.wording.text(not_shown("no_draws").reason))
    nothing = np.full(len(next(iter(known.values()))), np.nan)
    values, told = kept(np.column_stack([known.get(variant.key, nothing) for variant in stored.variants]))
    return Drawn(values, told=told | {f"not_shown_{key}": reason for key, reason in why.items() if key not in known})


def _reason(stored: Stored, fit: Any) -> str:
    """Return why a fit gives no draws: a `NotShown`, or a result that has one."""
    return stored.wording.text((fit if isinstance(fit, NotShown) else fit.not_shown).reason)


def _staying(stored: Stored, key: str, data: Mapping[str, Any], models: bool) -> Found:
    """The half-life, and the law of the days after the window where it was fitted."""
    told = deeper.retention_fit(stored.inputs, data, tail=models)
    if isinstance(told, NotShown) or told.not_shown is not None:
        yield key, _reason(stored, told)
        return
    rows = {row.variant: row for row in told.variants}
    why = {name: row.half_life for name, row in rows.items() if isinstance(row.half_life, NotShown)}
    yield key, _by_variant(stored, {name: row.half_life_draws for name, row in rows.items()}, why)
    hidden = {name: row.tail.not_shown for name, row in rows.items() if row.tail.not_shown is not None}
    for parameter in ("alpha", "beta", "daily") if models else ():
        draws = {name: row.tail.draws.get(parameter) for name, row in rows.items()}
        yield f"staying_{parameter}", _by_variant(stored, draws, hidden)


def _brought(stored: Stored, key: str, data: Mapping[str, Any]) -> Found:
    """The K-factor or the reach: one fit gives both, and is kept between the two."""
    from analysis.models.cascade import fit as cascade

    told = deeper.cascade_fit(stored.inputs, data)
    if isinstance(told, NotShown) or told.not_shown is not None:
        yield key, _reason(stored, told)
        return
    rows = {row.variant: (row.r if key == "k_factor" else row.reach) for row in told.variants}
    why = {name: figure for name, figure in rows.items() if isinstance(figure, NotShown)}
    draws = {name: None if name in why else told.draws.get(name) for name in rows}
    if key == "reach":
        draws = {name: None if r is None else cascade.reach_of(r) for name, r in draws.items()}
    yield key, _by_variant(stored, draws, why)


def _was_shown(stored: Stored, part: str, key: str) -> bool:
    """Whether a part that has an entry a metric tells something of this one; older answers lack some parts."""
    entries: Sequence[Mapping[str, Any]] = stored.result.get(part) or ()
    return any(entry["metric"] == key and not entry["not_shown"] for entry in entries)


def _spent(stored: Stored, key: str, data: Mapping[str, Any]) -> Found:
    """How many buy, and how much a buyer spends, of a money metric whose split was shown."""
    told = deeper.amounts_fit(stored.inputs, key, data)
    yield from _parts(stored, told, data, {"share": f"{key}_buyers", "amount": f"{key}_a_buyer"})


def _counted(stored: Stored, key: str, data: Mapping[str, Any]) -> Found:
    """How often and how unevenly, of a count metric of which it was shown."""
    told = deeper.counts_fit(stored.inputs, key, data)
    yield from _parts(
        stored, told, data, {part: f"{key}_{part}" for part in ("dispersion", "never", "each", "busiest")}
    )


def _parts(stored: Stored, told: Any, data: Mapping[str, Any], names: Mapping[str, str]) -> Found:
    """The draws of a fit that were named, by what they are called in the file; or why it gave none."""
    for part, name in names.items():
        if isinstance(told, NotShown) or told.not_shown is not None:
            yield name, _reason(stored, told)
            continue
        values = told.draws.values[part].reshape(-1, len(data))
        yield name, _by_variant(stored, dict(zip(data, values.T, strict=True)), {})


def _segments(stored: Stored) -> Found:
    """The rates of each attribute's levels, and those of all levels put together again."""
    entries = stored.result.get("segments") or ()
    if not any(not entry.get("not_shown") for entry in entries):
        together = None
    else:
        together = deeper.segments_together(stored.inputs, stored.collected)
    for entry in entries:
        name = entry["segment"]
        variable = f"{stored.primary}_by_{name.replace('/', '_')}"
        if entry.get("not_shown"):
            yield variable, entry["not_shown"]["reason"]
            continue
        fit = together
        if fit is None or (not isinstance(fit, NotShown) and name not in fit.attributes):
            fit = deeper.segments_alone(stored.inputs, name, stored.collected.segment_data[name])
        if isinstance(fit, NotShown) or name not in fit.draws:
            yield variable, _reason(stored, fit if isinstance(fit, NotShown) else not_shown("no_fit"))
            continue
        yield from _levels(stored, name, variable, fit.draws[name])


def _levels(stored: Stored, name: str, variable: str, draws: Any) -> Found:
    from analysis.segments.model import rate_of

    axis = draws.dims[rate_of(name)][-1]
    order = [draws.coords["variant"].index(variant.key) for variant in stored.variants]
    for told, axes, labels, values in (
        (variable, ("variant", axis), {axis: list(draws.coords[axis])}, draws.values[rate_of(name)]),
        (f"{variable}_overall", ("variant",), {}, draws.values["overall"]),
    ):
        own, every = kept(values[:, :, order].reshape(-1, *values[:, :, order].shape[2:]))
        yield told, Drawn(own, axes, labels, every)
