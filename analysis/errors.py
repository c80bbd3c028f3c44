"""The closed set of errors of `analysis`, and the outcome for a figure that is not shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from analysis.messages import Message, message

CODES: Final = (
    "bad_statistics",  # a sufficient statistic contradicts itself
    "cannot_add",  # two statistics that do not belong together
    "unknown_variant",  # a control or variant key that is not in the data
    "too_few_variants",
    "mixed_kinds",
    "unknown_model",
    "unknown_prior",
    "bad_prior",
    "bad_rules",
    "bad_request",  # any other argument outside its bounds
)


class AnalysisError(ValueError):
    """Input that cannot be analysed.

    Parameters
    ----------
    code : str
        One of `CODES`, which are stable.
    message : str
        One or two sentences that name the value, the bound and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise LookupError(f"{code!r} is not one of the codes of analysis.errors: {', '.join(CODES)}.")
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class NotShown:
    """A missing result with its reason, instead of a number that would look like a result.

    Attributes
    ----------
    code : str
        Stable name of the reason, e.g. ``"no_members"``, ``"no_spread"``, ``"fit_failed"``.
    reason : Message
        The reason as a message; see `not_shown`.
    """

    code: str
    reason: Message

    def of_variant(self, variant: str) -> NotShown:
        """Return the same reason for one variant."""
        return NotShown(self.code, message("not_shown.of_variant", variant=variant, reason=self.reason))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` reads them back."""
        return {"code": self.code, "reason": self.reason.to_dict()}

    @classmethod
    def of(cls, reason: Message) -> NotShown:
        """Return the outcome for a reason made by `not_shown`, whose code names it."""
        return cls(reason.code.removeprefix("not_shown.").partition(".")[0], reason)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NotShown:
        """Read a stored reason back."""
        return cls(data["code"], Message.from_dict(data["reason"]))


def not_shown(name: str, /, **params: Any) -> NotShown:
    """Return why a result is missing.

    Parameters
    ----------
    name : str
        The code; if it has several sentences, with a second part: ``"no_spread.variant"`` has the code
        ``"no_spread"``. The message's code is ``not_shown.`` and the name.
    params
        The parameters of the message, see `Message`.
    """
    return NotShown(name.partition(".")[0], Message(f"not_shown.{name}", params))


def refused(error: AnalysisError) -> NotShown:
    """Return an error about the data as the reason of one missing result, so that the others are still shown.

    The sentence depends on the error's code; its English message is kept as the parameter `detail`, for diagnosis.
    """
    return NotShown(error.code, message(f"not_shown.refused.{error.code}", detail=error.message))


def refuse_non_numbers(**given: Any) -> None:
    """Raise AnalysisError if an argument that must be a number is a text, a boolean or None."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise AnalysisError("bad_request", f"{name} is {value!r}; give a number, such as 0.05 for 5 %.")
