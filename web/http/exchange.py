"""The calls that apps make most, answered straight from a WSGI environment.

Flask's views and the fast path in front of Flask call the same ``answer``: one behaviour, two prices.
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
# The key travels in a header and no cookie counts, so any site may call.
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
        """The query's parameters, the last of each name."""
        query = parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return {name: values[-1] for name, values in query.items()}

    def document(self, *, exact: bool = False) -> dict[str, Any]:
        """The body, a JSON object; with ``exact`` its decimal fractions are `Decimal`.

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
        Whatever stands in the way; the edge turns it into problem+json.
    """
    return handler(Call(services, authenticate(services, environ), environ))


def authenticate(services: Services, environ: Mapping[str, Any]) -> KeyIdentity:
    """Who calls, by ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``.

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
        raise UnauthorisedError("No key came with the request; send it as Authorization: Bearer KEY.")
    # WSGI hands headers over as latin-1, so that is what takes them back to bytes.
    key_hash = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
    keys = services.configuration.current().keys
    identity = keys.get(key_hash) or services.configuration.latest().keys.get(key_hash)
    if identity is None:
        raise UnauthorisedError(f"The key {key[:6]}... is unknown or revoked; make one on the keys page.")
    if services.limiter is not None:
        services.limiter.check(key_hash)
    return identity


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """The body, unpacked where it came gzipped, at most ``limit`` bytes of it.

    Raises
    ------
    TooLargeError
        Where it is longer, packed or unpacked.
    MalformedError
        Where its length or its packing is wrong.
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
        raise MalformedError(f"Content-Encoding is {packing!r}; send gzip or nothing.")
    return _unpacked(body, limit)


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error:
        raise MalformedError("The body says that it is gzip, but cannot be unpacked.") from None
    if len(plain) > limit:
        raise _too_large(limit, how=" unpacked")
    if not unpacking.eof:
        raise MalformedError("The gzipped body is cut short; send the request again.")
    return plain


def _too_large(limit: int, size: int | None = None, how: str = "") -> TooLargeError:
    told = f"has {size:,} bytes{how}" if size is not None else f"is over {limit:,} bytes{how}"
    return TooLargeError(f"The body {told}, the most for one call is {limit:,}; send it in parts.")


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")


def _no_constant(name: str) -> None:
    raise ValueError(name)


_plain = json.JSONDecoder(parse_constant=_no_constant).decode
_exact = json.JSONDecoder(parse_constant=_no_constant, parse_float=Decimal).decode


_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", Decimal: "a number", bool: "true or false"}


def parse_object(body: bytes | str, *, exact: bool = False, what: str = "The body") -> dict[str, Any]:
    """A JSON object out of UTF-8 bytes or a text; ``what`` is the subject of the message where it is none.

    Raises
    ------
    MalformedError
        Where the bytes are no JSON, or some other JSON than an object.
    """
    try:
        document = (_exact if exact else _plain)(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{what} is no JSON: {_fault(error)}. Send a JSON object in UTF-8.") from None
    if type(document) is not dict:
        raise MalformedError(f"{what} is {_KINDS.get(type(document), 'null')} in JSON; send an object such as {{...}}.")
    return document


def _fault(error: Exception) -> str:
    """Where a text stops being JSON, in plain words."""
    if isinstance(error, json.JSONDecodeError):
        if not error.doc.strip():
            return "it is empty"
        return f"it cannot be read on from line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, RecursionError):
        return "its lists and objects lie too deep in each other"
    if str(error) in _NO_NUMBERS:
        return f"{error} is no number in JSON"
    return "a number in it has too many digits"


def check_fields(document: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse a field that nobody reads: it is most often a slip of the pen.

    Raises
    ------
    InvalidError
    """
    if not document.keys() <= known:
        extra = ", ".join(sorted(repr(name)[:40] for name in document.keys() - known)[:5])
        raise InvalidError(
            f"There is no field {extra}; the fields are {', '.join(sorted(known))}.", code="field_unknown"
        )
