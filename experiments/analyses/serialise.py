"""The stored form of an analysis: RFC 3339 times, finite numbers, messages as codes, package versions."""

import math
import platform
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from analysis.messages import Message

_PACKAGES = ("klette", "numpy", "scipy", "pymc", "nutpie", "arviz", "ibis-framework")


def versions() -> dict[str, str]:
    """Return the versions of Python and the packages that compute, without importing them."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def iso(moment_us: int) -> str:
    """Return a time as RFC 3339 in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    return moment.isoformat().replace("+00:00", "Z")


def finite(value: Any) -> Any:
    """Return the same document in JSON's values: messages as codes with parameters, numbers without a value as null."""
    if isinstance(value, Message):
        return finite(value.to_dict())
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
