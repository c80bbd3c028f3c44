"""The settings of the product, read from the environment.

A setting is a field below: its name with the prefix ``KLETTE_`` is the environment variable, its description is the row
in docs/settings.md, and a bad value stops the start with a sentence that names it.
"""

import difflib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from experiments.catalogue.currencies import CURRENCIES
from experiments.errors import SettingsError
from experiments.translation import LANGUAGES

PREFIX = "KLETTE_"
SHORTEST_SECRET = 16

# The snippets at /docs read it, not this file.
_NOT_OURS = frozenset({"KLETTE_KEY"})


class Settings(BaseSettings):
    """The settings of one copy of the product."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="Folder for the embedded database, the secret key and the logs.")
    database_url: str = Field(
        "",
        description="Where everything is stored: empty for one SQLite file in the data folder, or "
        "postgresql://user:password@host/name.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions and previews; if empty, created at the first start and kept."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on; the plain variable PORT takes precedence.")
    base_url: str = Field(
        "", description="Address at which people and apps reach this copy; empty for http://HOST:PORT."
    )
    project_name: str = Field("Klette", min_length=1, max_length=60, description="Name shown at the top of each page.")
    time_zone: str = Field("Europe/Berlin", description="Time zone of all dates on screen (an IANA name).")
    currency: str = Field("EUR", description="Currency of new experiments (ISO 4217).")
    language: str = Field("en", description="Language of pages, reports and the command line: en or de.")
    web_workers: int = Field(0, ge=0, le=256, description="Web processes; 0 for one per core, and at least two.")
    web_threads: int = Field(32, ge=1, le=256, description="Threads per web process; requests wait for a group commit.")
    pin_workers: bool = Field(True, description="Pin each web process to a core, if there are enough cores.")
    sqlite_synchronous: str = Field(
        "NORMAL",
        description="NORMAL survives the crash of every process; FULL also survives a power cut and is slower.",
    )
    configuration_seconds: float = Field(
        0.5, gt=0, le=60, description="How long a web process may use its cached configuration, in seconds."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest body of an API call, in bytes.")
    max_upload_bytes: int = Field(67_108_864, ge=1024, description="Largest file of an import, in bytes.")
    max_batch_events: int = Field(2_500, ge=1, description="Largest number of events in one call.")
    event_max_age_days: int = Field(30, ge=1, le=3650, description="Age of the oldest accepted event, in days.")
    event_max_ahead_seconds: int = Field(
        300, ge=0, description="How far ahead of Klette's clock an event's time may be, in seconds."
    )
    clock_tolerance_seconds: int = Field(
        5, ge=0, le=60, description="An event stamped up to so many seconds before its member's first exposure counts."
    )
    api_rate_limit: str = Field(
        "", description='API calls per key and web process, such as "6000/minute"; empty for no limit.'
    )
    login_rate_limit: str = Field("10/minute", description="Sign-in attempts per address and web process.")
    worker_poll_seconds: float = Field(1.0, gt=0, le=60, description="How often the worker looks for due work.")
    worker_lease_seconds: int = Field(
        120,
        ge=5,
        description="After so many seconds without a sign of life from its worker, another one takes a job over.",
    )
    analyse_every_seconds: int = Field(
        300, ge=1, description="A running experiment is analysed at most this often, in seconds."
    )
    analyse_new_events: int = Field(
        1, ge=1, description="How many new exposures or events make a running experiment due for analysis."
    )
    silence_hours: float = Field(
        24.0, gt=0, description="Hours without an event after which the health check for silence warns."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is no IANA time zone; write one such as Europe/Berlin or UTC") from error
        return value

    @field_validator("currency")
    @classmethod
    def _currency_in_use(cls, value: str) -> str:
        if value not in CURRENCIES:
            raise ValueError("is no currency in use; write three capital letters of ISO 4217, such as EUR")
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        codes = [code for code, _ in LANGUAGES]
        if value not in codes:
            raise ValueError(f"is not a language of Klette; choose one of {', '.join(codes)}")
        return value

    @field_validator("sqlite_synchronous")
    @classmethod
    def _known_mode(cls, value: str) -> str:
        if value not in ("NORMAL", "FULL"):
            raise ValueError("is neither NORMAL nor FULL; write one of them")
        return value

    @field_validator("base_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            sound = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        except ValueError:
            sound = None
        if not sound or any(letter.isspace() for letter in value):
            raise ValueError("is no address of a site; begin it with http:// or https://, as in https://ab.example.com")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        length = len(value.get_secret_value())
        if 0 < length < SHORTEST_SECRET:
            raise ValueError(
                f"has {length} characters and needs at least {SHORTEST_SECRET}; leave it out to have one created"
            )
        return value

    @field_validator("api_rate_limit", "login_rate_limit")
    @classmethod
    def _readable_limit(cls, value: str, info: ValidationInfo) -> str:
        from limits import parse

        if not value and info.field_name == "api_rate_limit":
            return value
        try:
            parse(value)
        except ValueError:
            raise ValueError('is no limit; write a number and a span, such as "6000/minute"') from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("is no address of a database; begin it with sqlite:/// or postgresql://")
        return value

    @property
    def url(self) -> str:
        """The database's address, with the embedded default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'klette.sqlite').resolve()}"

    @property
    def public_url(self) -> str:
        """The address that links and snippets carry, without a slash at its end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    **overrides
        Values that win over the environment (tests, command-line options).

    Raises
    ------
    SettingsError
        One sentence that names each variable whose value is wrong.
    """
    names: dict[str, str] = {}
    if "port" not in overrides and os.environ.get("PORT"):
        overrides["port"] = os.environ["PORT"]
        names["port"] = "PORT"
    try:
        return Settings(**overrides)
    except ValidationError as error:
        sentences = (_sentence(item, names) for item in error.errors())
        raise SettingsError(" ".join(sentences)) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return one sentence for each variable with our prefix that is no setting: most often a typing error."""
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    sentences = []
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known and name not in _NOT_OURS:
            near = difflib.get_close_matches(name.upper(), known, 1, 0.5)
            meant = f"did you mean {near[0]}?" if near else "the settings are listed in docs/settings.md."
            sentences.append(f"{name} is no setting, so it changes nothing; {meant}")
    return sentences


def _sentence(item: Any, names: Mapping[str, str]) -> str:
    """Return what is wrong with a setting, its bounds, and what to write instead."""
    field = str(item["loc"][0])
    name = names.get(field, PREFIX + field.upper())
    if item["type"] == "value_error":
        reason = str(item["ctx"]["error"])
    elif item["type"].startswith("bool"):
        reason = "is neither true nor false; write one of them"
    elif item["type"].startswith("string"):
        low, high = (_bound(field, kind) for kind in ("min_length", "max_length"))
        reason = f"is of the wrong length; write {low or 0} to {high} characters"
    else:
        bounded = item["type"].startswith(("greater", "less"))
        reason = f"{'is out of bounds' if bounded else 'cannot be read'}; write {_numbers(field)}"
    shown = name if field == "secret_key" else f"{name}={str(item['input'])[:200]!r}"
    return f"{shown} {reason}."


def _numbers(field: str) -> str:
    """Return the numbers that a setting may have, in words."""
    kind = "a whole number" if Settings.model_fields[field].annotation is int else "a number"
    least, above, most = (_bound(field, name) for name in ("ge", "gt", "le"))
    low = f"of at least {least}" if least is not None else f"above {above}"
    return f"{kind} {low}" + (f" and at most {most}" if most is not None else "")


def _bound(field: str, name: str) -> Any:
    found = (getattr(part, name, None) for part in Settings.model_fields[field].metadata)
    return next((value for value in found if value is not None), None)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return read_settings()
