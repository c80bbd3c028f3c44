"""Posterior draws of sampled models as an export holds them: the same number of chains and draws for every variable."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from analysis import NotShown
from analysis.errors import not_shown
from analysis.sampling import engine

CHAINS, DRAWS = 4, 1_000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A variable of an export.

    Attributes
    ----------
    values : array of shape (CHAINS, DRAWS, ...)
    axes : tuple of str
        Names of the axes after chain and draw.
    labels : mapping of str to list
        Labels along an axis other than `variant`.
    attributes : mapping of str to str or int
    missing : mapping of str to NotShown
        Variants without draws, whose values are not a number.
    """

    values: np.ndarray
    axes: tuple[str, ...] = ("variant",)
    labels: Mapping[str, list[Any]] = field(default_factory=dict)
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    missing: Mapping[str, NotShown] = field(default_factory=dict)


class HasDraws(Protocol):
    """A fit whose draws have a last axis of variants."""

    @property
    def not_shown(self) -> NotShown | None:
        """Why the fit is not shown."""

    @property
    def draws(self) -> engine.Draws | None:
        """Its draws by figure."""


def kept(values: np.ndarray) -> tuple[np.ndarray, dict[str, str | int]]:
    """Return the draws of an export, of shape (CHAINS, DRAWS, ...), and the attribute ``every`` if thinned.

    A longer fit has more draws; then only one in ``every`` is kept.
    """
    shaped = values.reshape(CHAINS, -1, *values.shape[1:])
    every = shaped.shape[1] // DRAWS
    return shaped[:, :: max(1, every)][:, :DRAWS], {"every": every} if every > 1 else {}


def by_variant(
    variants: Sequence[str], draws: Mapping[str, np.ndarray | None], missing: Mapping[str, NotShown]
) -> Drawn | NotShown:
    """Return the draws with a last axis of variants; a variant without draws is not a number."""
    known = {key: drawn for key, drawn in draws.items() if drawn is not None}
    if not known:
        return next(iter(missing.values()), not_shown("no_draws"))
    nothing = np.full(len(next(iter(known.values()))), np.nan)
    values, attributes = kept(np.column_stack([known.get(key, nothing) for key in variants]))
    return Drawn(values, attributes=attributes, missing={key: why for key, why in missing.items() if key not in known})


def of_figures(
    fit: HasDraws | NotShown, names: Mapping[str, str], order: Sequence[str], variants: Sequence[str]
) -> Iterator[tuple[str, Drawn | NotShown]]:
    """Yield some figures of a fit by their name in the export, or why it has none.

    Parameters
    ----------
    names
        Name in the export by name in the fit.
    order
        Variants as they were given to the fit.
    variants
        Variants as the export orders them.
    """
    for figure, name in names.items():
        if isinstance(fit, NotShown):
            yield name, fit
        elif fit.not_shown is not None or fit.draws is None:
            yield name, fit.not_shown or not_shown("no_draws")
        else:
            values = fit.draws.values[figure].reshape(-1, len(order))
            yield name, by_variant(variants, dict(zip(order, values.T, strict=True)), {})
