"""Every setting of the product, read from the environment in this one file.

A setting is a field below: its name with the prefix ``KLETTE_`` is the environment variable, its description is the
documentation that README prints, and a bad value stops the start with a sentence that names it.
"""

from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from experiments.errors import SettingsError


class Settings(BaseSettings):
    """The settings of one copy of the product; frozen, so that no code changes them on the way."""

    model_config = SettingsConfigDict(env_prefix="KLETTE_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="Folder for the embedded database, the secret key and the logs.")
    database_url: str = Field(
        "",
        description="Where everything is stored: empty for one SQLite file in the data folder, or "
        "postgresql://user:password@host/name.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions and previews; made at the first start and kept where it is empty."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on; the plain variable PORT wins over it.")
    base_url: str = Field(
        "", description="Address under which people and apps reach this copy; empty for http://HOST:PORT."
    )
    project_name: str = Field("Klette", min_length=1, max_length=60, description="Name shown at the top of each page.")
    time_zone: str = Field("Europe/Berlin", description="The one time zone of dates on screen (an IANA name).")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="Currency of new experiments (ISO 4217).")
    web_workers: int = Field(0, ge=0, le=256, description="Web processes; 0 for one a core, and at least two.")
    web_threads: int = Field(32, ge=1, le=256, description="Threads a web process; requests wait for a group commit.")
    pin_workers: bool = Field(
        True, description="Tie each web process to a core, where there are as many cores as processes."
    )
    sqlite_synchronous: str = Field(
        "NORMAL",
        pattern="^(NORMAL|FULL)$",
        description="NORMAL survives the death of every process; FULL survives a power cut too and is slower.",
    )
    configuration_seconds: float = Field(
        0.5, gt=0, le=60, description="How long a web process may serve from its cached configuration, in seconds."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest body of an API call, in bytes.")
    max_upload_bytes: int = Field(67_108_864, ge=1024, description="Largest file of an import, in bytes.")
    max_batch_events: int = Field(2_500, ge=1, description="Most events in one call.")
    event_max_age_days: int = Field(
        30, ge=1, le=3650, description="Oldest event that is accepted, in days before it arrives."
    )
    event_max_ahead_seconds: int = Field(
        300, ge=0, description="How far ahead of our clock an event's time may lie, in seconds."
    )
    clock_tolerance_seconds: int = Field(
        5, ge=0, le=60, description="An event stamped so many seconds before its member's first exposure still counts."
    )
    api_rate_limit: str = Field(
        "", description='Most API calls a key and web process, such as "6000/minute"; empty for no limit.'
    )
    login_rate_limit: str = Field("10/minute", description="Most log-in attempts an address and web process.")
    worker_poll_seconds: float = Field(1.0, gt=0, le=60, description="How often the worker looks for due work.")
    worker_lease_seconds: int = Field(
        120, ge=5, description="A job whose worker has been silent so long is taken over by another."
    )
    analyse_every_seconds: int = Field(
        300, ge=1, description="A running experiment is analysed at most this often, in seconds."
    )
    analyse_new_events: int = Field(
        1, ge=1, description="How many new exposures or events make a running experiment due for analysis."
    )
    silence_hours: float = Field(
        24.0, gt=0, description="After so many hours without an event a running experiment is called silent."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is no IANA time zone; write one such as Europe/Berlin or UTC") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @property
    def url(self) -> str:
        """The database's address, with the embedded default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'klette.sqlite').resolve()}"

    @property
    def public_url(self) -> str:
        """The address that links and snippets carry, without a slash at its end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(**overrides: object) -> Settings:
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
    import os

    if "port" not in overrides and os.environ.get("PORT"):
        overrides["port"] = os.environ["PORT"]
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        sentences = (_sentence(item) for item in error.errors())
        raise SettingsError(" ".join(sentences)) from None


def _sentence(item: dict) -> str:
    name = "KLETTE_" + str(item["loc"][0]).upper()
    reason = item["msg"].removeprefix("Value error, ")
    return f"{name}={item['input']!r}: {reason[0].lower()}{reason[1:]}."


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings()
