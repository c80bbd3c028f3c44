"""All settings of the product, read from the environment in this one file.

A setting is a field of `Settings`. Its name with the prefix ``KLETTE_`` is the environment variable; its description is
the text in ``docs/settings.md``. An invalid value stops the start with a message that names it.
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

from experiments.catalogue.currencies import read_code
from experiments.errors import SettingsError
from experiments.translation import BY_CODE, LANGUAGES, N_

PREFIX = "KLETTE_"
SHORTEST_SECRET = 16

# Used in the examples at /docs, not read by the product.
_NOT_SETTINGS = frozenset({"KLETTE_KEY"})


class Settings(BaseSettings):
    """The settings of one installation; frozen, so that no code changes them at runtime."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description=N_("Folder of the embedded database, the secret key and the logs."))
    database_url: str = Field(
        "",
        description=N_(
            "Database: empty for a SQLite file in the data folder, or postgresql://user:password@host/name."
        ),
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description=N_("Signs sessions and previews; if empty, generated at the first start and kept.")
    )
    host: str = Field("127.0.0.1", description=N_("Address to listen on."))
    port: int = Field(8000, ge=1, le=65535, description=N_("Port to listen on; the variable PORT overrides it."))
    base_url: str = Field("", description=N_("Public address of this installation; empty for http://HOST:PORT."))
    project_name: str = Field(
        "Klette", min_length=1, max_length=60, description=N_("Name shown at the top of every page.")
    )
    time_zone: str = Field("Europe/Berlin", description=N_("Time zone of dates on screen (IANA name)."))
    currency: str = Field("EUR", description=N_("Currency of new experiments (ISO 4217)."))
    language: str = Field(
        LANGUAGES[0].code,
        description=N_("Language of pages, reports and the command line, such as en or de; the API is in English."),
    )
    web_workers: int = Field(0, ge=0, le=256, description=N_("Web processes; 0 for one per core and at least two."))
    web_threads: int = Field(
        32, ge=1, le=256, description=N_("Threads per web process; requests wait for a group commit.")
    )
    pin_workers: bool = Field(
        True, description=N_("Pin each web process to a core, if there are as many cores as processes.")
    )
    sqlite_synchronous: str = Field(
        "NORMAL",
        description=N_("NORMAL survives a crash of any process; FULL also survives a power failure and is slower."),
    )
    configuration_seconds: float = Field(
        0.5, gt=0, le=60, description=N_("Maximum age of a web process's cached configuration, in seconds.")
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description=N_("Maximum body of an API request, in bytes."))
    max_upload_bytes: int = Field(67_108_864, ge=1024, description=N_("Maximum file of an import, in bytes."))
    max_batch_events: int = Field(2_500, ge=1, description=N_("Maximum number of events in one request."))
    event_max_age_days: int = Field(30, ge=1, le=3650, description=N_("Maximum age of an event on arrival, in days."))
    event_max_ahead_seconds: int = Field(
        300, ge=0, description=N_("How far an event's time can be ahead of the server's clock, in seconds.")
    )
    clock_tolerance_seconds: int = Field(
        5,
        ge=0,
        le=60,
        description=N_("An event up to this many seconds before its member's first exposure still counts."),
    )
    api_rate_limit: str = Field(
        "", description=N_('Rate limit per API key and web process, such as "6000/minute"; empty for no limit.')
    )
    login_rate_limit: str = Field("10/minute", description=N_("Rate limit of sign-ins per address and web process."))
    worker_poll_seconds: float = Field(
        1.0, gt=0, le=60, description=N_("How often the worker checks for jobs, in seconds.")
    )
    worker_lease_seconds: int = Field(
        120, ge=5, description=N_("Time after which another worker takes over the job of a silent worker, in seconds.")
    )
    analyse_every_seconds: int = Field(
        300,
        ge=1,
        description=N_(
            "Minimum interval between analyses of a running experiment, in seconds. "
            "The first three come after 1, 2 and 4 minutes."
        ),
    )
    analyse_new_events: int = Field(
        1, ge=1, description=N_("Number of new exposures or events that make a running experiment due for analysis.")
    )
    silence_hours: float = Field(
        24.0, gt=0, description=N_("Hours without an event after which a running experiment is reported as silent.")
    )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not an IANA time zone; write one such as Europe/Berlin or UTC") from error
        return value

    @field_validator("currency")
    @classmethod
    def _currency_in_use(cls, value: str) -> str:
        code = read_code(value)
        if code is None:
            raise ValueError("is not an ISO 4217 currency; write a code such as EUR")
        return code

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in BY_CODE:
            raise ValueError(f"is not a language of Klette; choose one of {', '.join(BY_CODE)}")
        return value

    @field_validator("sqlite_synchronous")
    @classmethod
    def _known_mode(cls, value: str) -> str:
        if value not in ("NORMAL", "FULL"):
            raise ValueError("is neither NORMAL nor FULL; write one of them")
        return value

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            valid = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        except ValueError:
            valid = None
        if not valid or any(letter.isspace() for letter in value):
            raise ValueError("is not a web address; start it with http:// or https://, as in https://ab.example.com")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        length = len(value.get_secret_value())
        if 0 < length < SHORTEST_SECRET:
            raise ValueError(
                f"has {length} characters, at least {SHORTEST_SECRET} are needed; leave it empty to generate one"
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
            raise ValueError('is not a rate limit; write one such as "6000/minute"') from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("is not a database address; start it with sqlite:/// or postgresql://")
        return value

    @property
    def url(self) -> str:
        """The database's address; the SQLite file in the data folder by default."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'klette.sqlite').resolve()}"

    @property
    def public_url(self) -> str:
        """The address in links and snippets, without a trailing slash."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    **overrides
        Values that override the environment (tests, command-line options).

    Raises
    ------
    SettingsError
        With a sentence for each variable with an invalid value.
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
    """Return a sentence for each unknown variable with our prefix, most often a misspelled one."""
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    sentences = []
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known and name not in _NOT_SETTINGS:
            near = difflib.get_close_matches(name.upper(), known, 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else "See docs/settings.md for the settings."
            sentences.append(f"{name} is an unknown setting and has no effect. {hint}")
    return sentences


def _sentence(item: Any, names: Mapping[str, str]) -> str:
    """Return the error of a setting: its value, its bounds and the remedy."""
    field = str(item["loc"][0])
    name = names.get(field, PREFIX + field.upper())
    if item["type"] == "value_error":
        reason = str(item["ctx"]["error"])
    elif item["type"].startswith("bool"):
        reason = "is neither true nor false; write one of them"
    elif item["type"].startswith("string"):
        low, high = (_bound(field, kind) for kind in ("min_length", "max_length"))
        reason = f"has the wrong length; write {low or 0} to {high} characters"
    else:
        bounded = item["type"].startswith(("greater", "less"))
        reason = f"{'is out of range' if bounded else 'is not a number'}; write {_numbers(field)}"
    shown = name if field == "secret_key" else f"{name}={str(item['input'])[:200]!r}"
    return f"{shown} {reason}."


def _numbers(field: str) -> str:
    """Return the range of a setting in words."""
    kind = "a whole number" if Settings.model_fields[field].annotation is int else "a number"
    least, above, most = (_bound(field, name) for name in ("ge", "gt", "le"))
    low = f"of at least {least}" if least is not None else f"above {above}"
    return f"{kind} {low}" + (f" and at most {most}" if most is not None else "")


def _bound(field: str, name: str) -> Any:
    bounds = (getattr(part, name, None) for part in Settings.model_fields[field].metadata)
    return next((bound for bound in bounds if bound is not None), None)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return read_settings()
