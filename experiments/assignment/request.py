"""A validated request for assignment, with the same bounds for every protocol."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.catalogue.units import required_unit
from experiments.errors import InvalidError
from experiments.validation import shown

MAX_EXPERIMENTS = 200
MAX_ATTRIBUTES = 100


class AssignmentRequest(NamedTuple):
    """The unit, its attributes and the requested experiments.

    Attributes
    ----------
    unit : str
        The app's identifier of the member.
    attributes : Mapping
        For targeting rules and segments.
    experiments : sequence of str or None
        Unique keys; None for all running experiments.
    expose : bool
        Whether to record the exposure, because the member sees the content now.
    preview : str or None
        A signed token of `experiments.assignment.preview`.
    caller : str or None
        The ``User-Agent`` header of a call from a member's own device; None for calls of a back end.
    """

    unit: str
    attributes: Mapping[str, Any]
    experiments: Sequence[str] | None = None
    expose: bool = True
    preview: str | None = None
    caller: str | None = None


def read_unit(value: Any) -> str:
    """Return the unit; raise InvalidError with a code that starts with ``unit_``."""
    return required_unit(value)


def read_attributes(value: Any) -> Mapping[str, Any]:
    """Return the attributes, empty if absent; raise InvalidError."""
    if value is None:
        return {}
    if type(value) is not dict:
        raise InvalidError(
            f"attributes is {shown(value)}; send an object of names and values.", code="attributes_invalid"
        )
    if len(value) > MAX_ATTRIBUTES:
        raise InvalidError(
            f"There are {len(value):,} attributes, at most {MAX_ATTRIBUTES} are allowed; send only those of rules and "
            "segments.",
            code="attributes_too_many",
        )
    return value


def read_experiments(value: Any) -> Sequence[str] | None:
    """Return the unique keys, None for all running experiments; raise InvalidError."""
    if value is None:
        return None
    if type(value) is not list or not all(type(key) is str for key in value):
        raise InvalidError(
            f"experiments is {shown(value)}; send a list of keys, or omit it for all running experiments.",
            code="experiments_invalid",
        )
    if len(value) > MAX_EXPERIMENTS:
        raise InvalidError(
            f"There are {len(value):,} experiments in the request, at most {MAX_EXPERIMENTS} are allowed; send several "
            "requests.",
            code="experiments_too_many",
        )
    return list(dict.fromkeys(value))


def read_expose(value: Any) -> bool:
    """Return whether to record the exposure; raise InvalidError."""
    if type(value) is not bool:
        raise InvalidError(f"expose is {shown(value)}; send true or false.", code="expose_invalid")
    return value


def read_preview(value: Any) -> str | None:
    """Return the unverified preview token; raise InvalidError."""
    if value is not None and type(value) is not str:
        raise InvalidError(f"preview is {shown(value)}; send the token as text.", code="preview")
    return value
