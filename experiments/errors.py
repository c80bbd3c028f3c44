"""The closed set of the domain's errors, each with a stable code.

An error's message names the value, the bound and the remedy. The edge (web, command line) turns it into
problem+json, a page or a sentence in one place; the domain never knows which.
"""


class KletteError(Exception):
    """Base of every error that a person or an app can cause or mend.

    Parameters
    ----------
    detail
        One or two sentences: the value, the bound, the remedy.
    fields
        For forms: the message of each field at fault, by the field's path such as ``variants.1.weight``.
    """

    code = "error"
    title = "Something went wrong"
    status = 400

    def __init__(self, detail: str, *, fields: dict[str, str] | None = None, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields or {}
        if code:
            self.code = code


class SettingsError(KletteError):
    code = "bad_setting"
    title = "A setting is wrong"
    status = 500


class InvalidError(KletteError):
    """A value is outside its bounds."""

    code = "invalid"
    title = "The request is not valid"
    status = 422


class MalformedError(KletteError):
    """The body is no JSON, no CSV, or not the shape that was asked for."""

    code = "malformed"
    title = "The request could not be read"
    status = 400


class NotFoundError(KletteError):
    code = "not_found"
    title = "There is no such thing"
    status = 404


class ConflictError(KletteError):
    """The state does not allow it: an illegal transition, a key that exists, a frozen field.

    Parameters
    ----------
    possible
        The states that can be reached from the present one, where a transition was refused.
    actions
        The actions that lead there.
    """

    code = "conflict"
    title = "The present state does not allow it"
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
    code = "unauthorised"
    title = "A key is needed"
    status = 401


class ForbiddenError(KletteError):
    code = "forbidden"
    title = "This key or role may not do it"
    status = 403


class TooLargeError(KletteError):
    code = "too_large"
    title = "The request is too large"
    status = 413


class TooManyRequestsError(KletteError):
    """``retry_after`` is in seconds."""

    code = "too_many_requests"
    title = "Too many requests"
    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UnavailableError(KletteError):
    """The storage cannot be reached or is busy; the same request may be sent again."""

    code = "unavailable"
    title = "The service cannot answer just now"
    status = 503


class ImportFailedError(KletteError):
    """A file could not be imported; ``lines`` holds one (line number, message) pair an error."""

    code = "import_failed"
    title = "The file could not be imported"
    status = 422

    def __init__(
        self, detail: str, *, lines: list[tuple[int, str]] | None = None, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail, fields=fields)
        self.lines = lines or []
