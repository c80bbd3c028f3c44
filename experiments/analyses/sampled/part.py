"""A part of the result that needs a sampled model: its declaration for `SAMPLED`, and its entry when not fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from analysis import NamedPrior, NotShown
from analysis.errors import not_shown
from experiments.analyses.plan import Inputs, Plan
from experiments.analyses.sampled.draws import Drawn

Report = Callable[[float, str], None]
"""Called with the progress, 0 to 1, and the step: an English text of the catalogue, translated where it is shown."""

LATER = not_shown("later")
"""The reason in every part of an early result, which does not wait for the sampled models."""


class Fitted(Protocol):
    """The result of a sampled model."""

    @property
    def not_shown(self) -> NotShown | None:
        """Why the fit is not shown, if its diagnostics or the data contradict it."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""


T = TypeVar("T", bound=Fitted)


@dataclass(frozen=True, slots=True)
class Unfitted:
    """The entry of a part that was not fitted.

    Attributes
    ----------
    not_shown : NotShown
    shape : mapping
        The other keys of its JSON document: the part's subject and its empty figures.
    """

    not_shown: NotShown
    shape: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**self.shape, "not_shown": self.not_shown.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Unfitted:
        """Read `to_dict` back."""
        shape = {name: value for name, value in data.items() if name != "not_shown"}
        return cls(NotShown.from_dict(data["not_shown"]), shape)


Entries = tuple[T | Unfitted, ...]
"""The entries of a part: one for each attribute or metric, or at most one."""

Draws = Iterator[tuple[str, Drawn | NotShown]]
"""The variables of an export by name, or why one is missing."""


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A line of `SAMPLED`.

    Attributes
    ----------
    key : str
        Its name in the result, the API and the exports.
    name : str
        Its name on screen, within a sentence.
    begins : float
        Share of the time of all sampled models that is over when its fit starts, 0 to 1.
    progress : str
        The step that is reported during the fit.
    subjects : function
        The attributes or metrics of a plan that it covers; empty if the plan does not need it.
    listed : bool
        Whether it has an entry for each subject; otherwise it has at most one.
    fit : function
        Fit each subject that has data, or return the reason for not doing so.
    read : function
        Read a fitted entry from its JSON document.
    priors : function
        The priors of a shown entry, by their name in the result's provenance.
    draws : function
        Posterior draws for an export, from the inputs, the stored entries, the keys of the variants, and whether models
        that need a sampler may be fitted again.
    schema : Pydantic model
        The schema of an entry in ``/openapi.json``.
    """

    key: str
    name: str
    begins: float
    progress: str
    subjects: Callable[[Plan], tuple[str, ...]]
    listed: bool
    fit: Callable[[Inputs, Report], Entries[T]]
    read: Callable[[Mapping[str, Any]], T]
    priors: Callable[[T], Mapping[str, NamedPrior]]
    draws: Callable[[Inputs, Entries[T], Sequence[str], bool], Draws]
    schema: type[BaseModel]

    def to_json(self, entries: Entries[T]) -> Any:
        """Return its value in the result's document."""
        documents = [entry.to_dict() for entry in entries]
        return documents if self.listed else next(iter(documents), None)

    def from_json(self, value: Any) -> Entries[T]:
        """Read `to_json` back."""
        documents = value if self.listed else [] if value is None else [value]
        return tuple(self._entry(document) for document in documents)

    def _entry(self, document: Mapping[str, Any]) -> T | Unfitted:
        # Only a fitted entry has a seed.
        return self.read(document) if "seed" in document else Unfitted.from_dict(document)


def of_kind(*kinds: str) -> Callable[[Plan], tuple[str, ...]]:
    """Return the function of subjects for a part about metrics of some kinds."""
    return lambda plan: tuple(one.key for one in plan.measured if one.kind in kinds)
