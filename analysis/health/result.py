"""The result of a health check, and the rule that most checks share: a proportion against two limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from analysis.errors import AnalysisError
from analysis.messages import Message

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One check.

    Attributes
    ----------
    check : str
        Its key in `analysis.health.checks.CHECKS`.
    status : {"ok", "warn", "fail"}
        A fail makes every verdict "untrusted".
    value : float or None
        The figure behind it.
    detail : Message
        The finding, in one sentence.
    next_step : Message or None
        The recommended action, if any.
    figures : Message or None
        The numbers of the test for analysts, if the finding leaves them out.
    """

    check: str
    status: Status
    value: float | None
    detail: Message
    next_step: Message | None = None
    figures: Message | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; a message that is None is an empty text."""
        return {
            "check": self.check,
            "status": self.status,
            "value": self.value,
            "detail": self.detail.to_dict(),
            "next_step": self.next_step.to_dict() if self.next_step else "",
            "figures": self.figures.to_dict() if self.figures else "",
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HealthCheck:
        """Read a stored check back."""
        read = {name: Message.from_dict(data[name]) if data[name] else None for name in ("next_step", "figures")}
        detail = Message.from_dict(data["detail"])
        return cls(data["check"], data["status"], data["value"], detail, read["next_step"], read["figures"])


class Limits(NamedTuple):
    """Shares above which a check warns and fails; a limit of 1 is never passed."""

    warn: float
    fail: float = 1.0


def share_of(check: str, part: int, whole: int) -> float:
    """Return a share of members or events; 0 if there are none.

    Raises
    ------
    AnalysisError
        A negative count, or a part above the whole.
    """
    if part < 0 or whole < 0 or part > whole:
        raise AnalysisError("bad_request", f"{check}: {part} of {whole} is not a share; count 0 to {whole}.")
    return part / whole if whole else 0.0


def judge_share(
    check: str, share: float, limits: Limits, *, none: Message, some: Message, next_step: Message | None = None
) -> HealthCheck:
    """Compare a share with its limits; `none` is the finding for 0, `some` for a share above 0."""
    status: Status = "fail" if share > limits.fail else "warn" if share > limits.warn else "ok"
    return HealthCheck(check, status, share, some if share else none, None if status == "ok" else next_step)
