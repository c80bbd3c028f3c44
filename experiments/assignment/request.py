"""A request for assignment, checked: the same bounds whatever protocol it came by."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.catalogue.event_types import MAX_UNIT
from experiments.errors import InvalidError
from experiments.validation import required_text, shown

MAX_EXPERIMENTS = 200
MAX_ATTRIBUTES = 100


class AssignmentRequest(NamedTuple):
    """Which unit asks, what is known about it, and for which experiments.

    Attributes
    ----------
    unit : str
        The key by which the app knows the member.
    attributes : Mapping
        What targeting rules and segments look at.
    experiments : sequence of str or None
        Keys of experiments, each once; None for all that are running.
    expose : bool
        Whether the member sees the content now, so that the exposure is recorded.
    preview : str or None
        A signed token of `experiments.assignment.preview`.
    """

    unit: str
    attributes: Mapping[str, Any]
    experiments: Sequence[str] | None = None
    expose: bool = True
    preview: str | None = None


def read_unit(given: Any) -> str:
    """Return the unit, or raise InvalidError with a code that begins with ``unit_``."""
    return required_text(given, "unit", MAX_UNIT, "send the key by which you know the member")


def read_attributes(given: Any) -> Mapping[str, Any]:
    """Return the attributes, none where they are absent; raises InvalidError."""
    if given is None:
        return {}
    if type(given) is not dict:
        raise InvalidError(
            f"attributes is {shown(given)}; send an object of names and values.", code="attributes_invalid"
        )
    if len(given) > MAX_ATTRIBUTES:
        raise InvalidError(
            f"There are {len(given):,} attributes, the most is {MAX_ATTRIBUTES}; send those that rules and segments "
            "use.",
            code="attributes_too_many",
        )
    return given


def read_experiments(given: Any) -> Sequence[str] | None:
    """Return the keys, each once, or None where all running experiments are meant; raises InvalidError."""
    if given is None:
        return None
    if type(given) is not list or not all(type(key) is str for key in given):
        raise InvalidError(
            f"experiments is {shown(given)}; send a list of keys, or leave it out for all that run.",
            code="experiments_invalid",
        )
    if len(given) > MAX_EXPERIMENTS:
        raise InvalidError(
            f"There are {len(given):,} experiments in the request, the most is {MAX_EXPERIMENTS}; send several "
            "requests.",
            code="experiments_too_many",
        )
    return list(dict.fromkeys(given))


def read_expose(given: Any) -> bool:
    """Return whether to record the exposure; raises InvalidError."""
    if type(given) is not bool:
        raise InvalidError(f"expose is {shown(given)}; send true or false.", code="expose_invalid")
    return given


def read_preview(given: Any) -> str | None:
    """Return the preview token, still unread; raises InvalidError."""
    if given is not None and type(given) is not str:
        raise InvalidError(f"preview is {shown(given)}; send the token as text.", code="preview")
    return given
