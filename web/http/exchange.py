"""The most frequent calls of apps, answered from a WSGI environment.

Flask's views and the fast path in front of Flask call the same ``answer``. Details are English: the fast path serves
apps only, in no particular language.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from experiments.assignment.configuration import KeyIdentity
from experiments.errors import InvalidError, MalformedError, TooLargeError, UnauthorisedError
from web.http.services import Services

JSON_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
# The key is in a header and cookies are ignored, so any site may call.
CORS_HEADERS = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After"),
]
PREFLIGHT_HEADERS = [
    *CORS_HEADERS,
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "authorization, content-type, content-encoding, x-api-key"),
    ("Access-Control-Max-Age", "86400"),
]


class Call(NamedTuple):
    """A call whose key has been checked."""

    services: Services
    identity: KeyIdentity
    environ: Mapping[str, Any]

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters, the last of each name."""
        query = parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return {name: values[-1] for name, values in query.items()}

    def member_agent(self) -> str | None:
        """Return the ``User-Agent`` of a call with a client key, which a member's own device makes; else None."""
        return self.environ.get("HTTP_USER_AGENT") if self.identity.kind == "client" else None

    def document(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the body, a JSON object; with ``exact`` its decimal fractions are `Decimal`.

        Raises
        ------
        MalformedError, TooLargeError
        """
        body = read_body(self.environ, self.services.settings.max_body_bytes)
        return parse_object(body, exact=exact)


Handler = Callable[[Call], bytes]


def answer(services: Services, environ: Mapping[str, Any], handler: Handler) -> bytes:
    """Check the key and its rate, then let the handler answer with a JSON body.

    Raises
    ------
    KletteError
        Any error; the edge turns it into problem+json.
    """
    return handler(Call(services, authenticate(services, environ), environ))


def authenticate(services: Services, environ: Mapping[str, Any]) -> KeyIdentity:
    """Return the identity of the key in ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``.

    Raises
    ------
    UnauthorisedError, TooManyRequestsError
    """
    given = environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, key = given.partition(" ")
    if scheme.lower() != "bearer":
        key = environ.get("HTTP_X_API_KEY", "")
    key = key.strip()
    if not key:
        raise UnauthorisedError("The request has no API key; send it as Authorization: Bearer KEY.")
    # WSGI decodes headers as latin-1, so encoding them the same way restores the bytes.
    key_hash = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
    keys = services.configuration.current().keys
    identity = keys.get(key_hash) or services.configuration.latest().keys.get(key_hash)
    if identity is None:
        raise UnauthorisedError(f"The key {key[:6]}... is unknown or revoked; create one under API keys.")
    if services.limiter is not None:
        services.limiter.check(key_hash)
    return identity


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """Return the body, decompressed if it is gzipped, of at most ``limit`` bytes.

    Raises
    ------
    TooLargeError
        It is longer, compressed or decompressed.
    MalformedError
        Its length or its compression is wrong.
    """
    written = environ.get("CONTENT_LENGTH") or ""
    if written:
        if not written.isdigit():
            raise MalformedError(f"Content-Length is {written!r}; it must be a number.")
        if int(written) > limit:
            raise _too_large(limit, int(written))
        body: bytes = environ["wsgi.input"].read(int(written))
        if len(body) < int(written):
            raise MalformedError(f"The body ended after {len(body)} of {written} bytes; send the request again.")
    elif environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read(limit + 1)
    else:
        body = b""
    if len(body) > limit:
        raise _too_large(limit)
    packing = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if packing in ("", "identity"):
        return body
    if packing != "gzip":
        raise MalformedError(f"Content-Encoding is {packing!r}; use gzip or none.")
    return _unpacked(body, limit)


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error:
        raise MalformedError("The body is not valid gzip.") from None
    if len(plain) > limit:
        raise TooLargeError(f"The decompressed body is over {limit:,} bytes; send it in parts.")
    if not unpacking.eof:
        raise MalformedError("The gzipped body is truncated; send the request again.")
    return plain


def _too_large(limit: int, size: int | None = None) -> TooLargeError:
    if size is None:
        return TooLargeError(f"The body is over {limit:,} bytes; send it in parts.")
    return TooLargeError(f"The body has {size:,} bytes; at most {limit:,} are allowed. Send it in parts.")


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")


def _no_constant(name: str) -> None:
    raise ValueError(name)


_plain = json.JSONDecoder(parse_constant=_no_constant).decode
_exact = json.JSONDecoder(parse_constant=_no_constant, parse_float=Decimal).decode


_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", Decimal: "a number", bool: "true or false"}


def parse_object(body: bytes | str, *, exact: bool = False, what: str = "The body") -> dict[str, Any]:
    """Return a JSON object from UTF-8 bytes or a text; ``what`` is the subject of the error message.

    Raises
    ------
    MalformedError
        The bytes are not JSON, or not an object.
    """
    try:
        document = (_exact if exact else _plain)(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{what} is not valid JSON ({_fault(error)}). Send a JSON object in UTF-8.") from None
    if type(document) is not dict:
        raise MalformedError(f"{what} is {_KINDS.get(type(document), 'null')}; send a JSON object, such as {{...}}.")
    return document


def _fault(error: Exception) -> str:
    """Return where a text stops being JSON."""
    if isinstance(error, json.JSONDecodeError):
        if not error.doc.strip():
            return "empty"
        return f"line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, RecursionError):
        return "too many nested levels"
    if str(error) in _NO_NUMBERS:
        return f"{error} is not a JSON number"
    return "a number has too many digits"


def check_fields(document: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse an unknown field: it is most often a typing error.

    Raises
    ------
    InvalidError
    """
    if not document.keys() <= known:
        extra = ", ".join(sorted(repr(name)[:40] for name in document.keys() - known)[:5])
        raise InvalidError(
            f"{extra} is an unknown field; the fields are {', '.join(sorted(known))}.", code="field_unknown"
        )
