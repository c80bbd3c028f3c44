"""The closed set of the domain's errors, each with a stable code.

An error's detail names the value, the bound and the remedy. The web room and the command line turn it into a page,
problem+json or a line of output, each in one place.
"""

from experiments.translation import N_


class KletteError(Exception):
    """Base of every error that a person or an app can cause and correct.

    Parameters
    ----------
    detail
        One or two sentences with the value, the bound and the remedy.
    fields
        The message of each invalid field, by its path such as ``variants.1.weight``.
    code
        A more specific code than the class's.
    """

    code = "error"
    title = N_("Something went wrong")
    status = 400

    def __init__(self, detail: str, *, fields: dict[str, str] | None = None, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields or {}
        if code:
            self.code = code


class SettingsError(KletteError):
    """A setting has an invalid value."""

    code = "bad_setting"
    title = N_("Invalid setting")
    status = 500


class InvalidError(KletteError):
    """A value is outside its bounds."""

    code = "invalid"
    title = N_("Invalid request")
    status = 422


class MalformedError(KletteError):
    """The body is not JSON or CSV, or not of the required shape."""

    code = "malformed"
    title = N_("Unreadable request")
    status = 400


class NotFoundError(KletteError):
    """The requested object does not exist."""

    code = "not_found"
    title = N_("Not found")
    status = 404


class ConflictError(KletteError):
    """The current state does not allow the request: an illegal transition, an existing key, a frozen field.

    Parameters
    ----------
    possible
        The states that can be reached from the current one, if a transition was refused.
    actions
        The actions that lead to these states.
    """

    code = "conflict"
    title = N_("Not possible in the current state")
    status = 409

    def __init__(
        self,
        detail: str,
        *,
        fields: dict[str, str] | None = None,
        code: str | None = None,
        possible: tuple[str, ...] | None = None,
        actions: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(detail, fields=fields, code=code)
        self.possible = possible
        self.actions = actions


class UnauthorisedError(KletteError):
    """The API key is missing, unknown or revoked."""

    code = "unauthorised"
    title = N_("API key required")
    status = 401


class ForbiddenError(KletteError):
    """The API key or role does not have the right."""

    code = "forbidden"
    title = N_("Not allowed for this key or role")
    status = 403


class TooLargeError(KletteError):
    """The body or file exceeds its limit."""

    code = "too_large"
    title = N_("Request too large")
    status = 413


class TooManyRequestsError(KletteError):
    """The rate limit was exceeded; ``retry_after`` is in seconds."""

    code = "too_many_requests"
    title = N_("Too many requests")
    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UnavailableError(KletteError):
    """The database cannot be reached or is busy; the same request can be sent again."""

    code = "unavailable"
    title = N_("Service temporarily unavailable")
    status = 503


class ImportFailedError(KletteError):
    """A file cannot be imported; ``lines`` holds a (line number, message) pair per error."""

    code = "import_failed"
    title = N_("File not imported")
    status = 422

    def __init__(
        self, detail: str, *, lines: list[tuple[int, str]] | None = None, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail, fields=fields)
        self.lines = lines or []
