"""What a job's handler reports to its worker."""

from typing import Any, Protocol

from sqlmodel import Session


class JobReport(Protocol):
    """Progress reports of a handler, and the end of its job."""

    def __call__(self, fraction: float, message: str = "") -> None:
        """Record the progress, 0 to 1; raises if the handler must end the job."""

    def hold(self, session: Session) -> None:
        """Check in the caller's transaction that the job still belongs to this worker; raises if not."""

    def finish(self, session: Session, *, result: dict[str, Any] | None = None, message: str = "") -> None:
        """Finish the job in the caller's transaction."""
