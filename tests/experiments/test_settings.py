"""An invalid setting stops the start with its name, value and bound."""

import pytest

from experiments.errors import SettingsError
from experiments.settings import read_settings, unknown_variables
from tests.snapshots import matches

BAD = [
    ("PORT", "abc", "65535"),
    ("KLETTE_PORT", "0", "65535"),
    ("KLETTE_CONFIGURATION_SECONDS", "0", "60"),
    ("KLETTE_MAX_BODY_BYTES", "1 MB", "1024"),
    ("KLETTE_PIN_WORKERS", "maybe", "true"),
    ("KLETTE_PROJECT_NAME", "x" * 61, "60"),
    ("KLETTE_CURRENCY", "XXQ", "EUR"),
    ("KLETTE_SQLITE_SYNCHRONOUS", "OFF", "FULL"),
    ("KLETTE_BASE_URL", "ab.example.com", "https://"),
    ("KLETTE_BASE_URL", "https://", "https://ab.example.com"),
    ("KLETTE_API_RATE_LIMIT", "lots", "6000/minute"),
    ("KLETTE_LOGIN_RATE_LIMIT", "", "6000/minute"),
    ("KLETTE_TIME_ZONE", "Middle/Earth", "UTC"),
    ("KLETTE_LANGUAGE", "xx", "en, de"),
    ("KLETTE_DATABASE_URL", "mysql://x", "postgresql://"),
]


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    monkeypatch.delenv(name)
    return caught.value.detail


@pytest.mark.parametrize(("name", "value", "bound"), BAD, ids=[f"{name} {n}" for n, (name, *_) in enumerate(BAD)])
def test_an_invalid_value_is_refused_with_its_name_and_bound(monkeypatch, name, value, bound):
    detail = refused(monkeypatch, name, value)
    assert detail.startswith(f"{name}=")
    assert bound in detail


def test_the_value_of_a_short_secret_is_not_shown(monkeypatch):
    detail = refused(monkeypatch, "KLETTE_SECRET_KEY", "hunter2")
    assert detail.startswith("KLETTE_SECRET_KEY has 7 characters") and "hunter2" not in detail


def test_an_unknown_variable_is_reported_with_the_nearest_setting():
    given = {"KLETTE_PORTT": "1", "KLETTE_HOST": "::", "KLETTE_KEY": "kc_1", "PATH": "/", "KLETTE_ZZZZZZZZZZZZ": ""}
    misspelled, unknown = unknown_variables(given)
    assert misspelled.startswith("KLETTE_PORTT ") and "KLETTE_PORT?" in misspelled
    assert unknown.startswith("KLETTE_ZZZZZZZZZZZZ ") and "docs/settings.md" in unknown


def test_the_messages_of_invalid_values(monkeypatch):
    messages = [refused(monkeypatch, name, value) for name, value, _ in BAD]
    matches("experiments/settings", "\n".join(messages))


def test_a_currency_in_lower_case_is_read_as_upper_case(monkeypatch):
    monkeypatch.setenv("KLETTE_CURRENCY", "chf")
    assert read_settings().currency == "CHF"
