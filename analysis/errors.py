"""The closed set of things that `analysis` refuses, and the outcome for what cannot be said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Final

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
    """Input that no analysis can be made of.

    Parameters
    ----------
    code : str
        One of `CODES`; stable, made for programs.
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
    """An answer that is honestly missing, as opposed to a number that looks like one.

    Attributes
    ----------
    code : str
        Stable name of the reason, e.g. ``"no_members"``, ``"no_spread"``, ``"fit_failed"``.
    reason : str
        One plain sentence for the page.
    """

    code: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def refuse_what_is_no_number(**given: Any) -> None:
    """Raise AnalysisError where an argument that must be a number is a text, a truth value or nothing."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise AnalysisError("bad_request", f"{name} is {value!r}; give a number, such as 0.05 for 5 %.")
