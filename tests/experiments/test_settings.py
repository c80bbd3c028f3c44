"""A bad setting stops the start with a sentence that names it, its bound and the remedy."""

import pytest

from experiments.errors import SettingsError
from experiments.settings import read_settings, unknown_variables

BAD = [
    ("PORT", "abc", "PORT='abc' cannot be read; write a whole number of at least 1 and at most 65535."),
    (
        "KLETTE_PORT",
        "0",
        "KLETTE_PORT='0' is out of bounds; write a whole number of at least 1 and at most 65535.",
    ),
    ("KLETTE_CONFIGURATION_SECONDS", "0", "write a number above 0 and at most 60"),
    ("KLETTE_MAX_BODY_BYTES", "1 MB", "write a whole number of at least 1024."),
    ("KLETTE_PIN_WORKERS", "maybe", "is neither true nor false; write one of them."),
    ("KLETTE_PROJECT_NAME", "x" * 61, "write 1 to 60 characters."),
    ("KLETTE_CURRENCY", "XXQ", "KLETTE_CURRENCY='XXQ' is no currency in use"),
    ("KLETTE_LANGUAGE", "xx", "choose one of en, de"),
    ("KLETTE_SQLITE_SYNCHRONOUS", "OFF", "is neither NORMAL nor FULL"),
    ("KLETTE_BASE_URL", "ab.example.com", "begin it with http:// or https://"),
    ("KLETTE_BASE_URL", "https://", "begin it with http:// or https://"),
    ("KLETTE_API_RATE_LIMIT", "lots", "KLETTE_API_RATE_LIMIT='lots' is no limit; write a number and a span"),
    ("KLETTE_LOGIN_RATE_LIMIT", "", "is no limit"),
    ("KLETTE_TIME_ZONE", "Middle/Earth", "is no IANA time zone"),
    ("KLETTE_DATABASE_URL", "mysql://x", "begin it with sqlite:/// or postgresql://"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), BAD, ids=[f"{name} {n}" for n, (name, *_) in enumerate(BAD)])
def test_a_bad_value_is_refused_in_one_sentence(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert sentence in refused.value.detail
    assert refused.value.detail.startswith(f"{name}=")
    assert "nput should" not in refused.value.detail


def test_a_short_secret_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("KLETTE_SECRET_KEY", "hunter2")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert refused.value.detail == (
        "KLETTE_SECRET_KEY has 7 characters and needs at least 16; leave it out to have one created."
    )


def test_a_slip_of_the_pen_is_told_with_the_name_that_was_meant():
    given = {"KLETTE_PORTT": "1", "KLETTE_HOST": "::", "KLETTE_KEY": "kc_1", "PATH": "/", "KLETTE_ZZZZZZZZZZZZ": ""}
    assert unknown_variables(given) == [
        "KLETTE_PORTT is no setting, so it changes nothing; did you mean KLETTE_PORT?",
        "KLETTE_ZZZZZZZZZZZZ is no setting, so it changes nothing; the settings are listed in docs/settings.md.",
    ]
