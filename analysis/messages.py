"""Messages as codes with parameters, which are turned into text where they are shown, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence, or a part of one, as a code with parameters.

    Attributes
    ----------
    code : str
        Names the sentence, such as ``"verdict.ship"``; `experiments.reporting.sentences` has a template for each.
    params : mapping of str to value
        The parameters of the template: numbers in their own unit (a share is 0 to 1, a time whole microseconds UTC),
        keys of variants and metrics, other messages, or sequences of these. Plain JSON values except for the messages.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        return {"message": self.code, "params": {name: _plain(value) for name, value in self.params.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Message:
        """Read a stored message back."""
        return cls(data["message"], {name: _revived(value) for name, value in data["params"].items()})

    def __hash__(self) -> int:
        """Hash the code alone, since parameters may hold lists and mappings; equal messages have equal hashes."""
        return hash(self.code)

    def __str__(self) -> str:
        """Return the code with its parameters, for a notebook and for error messages of tests."""
        given = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.code}({given})"


def message(code: str, /, **params: Any) -> Message:
    """Return a `Message` with its parameters as keywords."""
    return Message(code, params)


def is_message(data: Any) -> bool:
    """Return whether plain JSON values are those of a message."""
    return isinstance(data, Mapping) and data.keys() == {"message", "params"}


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _revived(value: Any) -> Any:
    if is_message(value):
        return Message.from_dict(value)
    if isinstance(value, list | tuple):
        return tuple(_revived(part) for part in value)
    return value


def N_(text: str) -> str:  # noqa: N802  (gettext's own name)
    """Mark a text for translation where it is declared; it is translated where it is shown."""
    return text
