"""The secret key is generated once, readable by its owner only, and shared by all processes."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.errors import SettingsError
from experiments.people.signing_key import with_secret_key
from experiments.settings import read_settings


def key(**settings) -> str:
    return with_secret_key(read_settings(**settings)).secret_key.get_secret_value()


def test_a_key_is_generated_at_the_first_start_and_kept(tmp_path):
    first = key(data_dir=tmp_path / "var")
    assert len(first) >= 32
    assert key(data_dir=tmp_path / "var") == first
    assert key(data_dir=tmp_path / "other") != first


def test_its_file_is_readable_by_its_owner_only(tmp_path):
    key(data_dir=tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_concurrent_starts_use_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: key(data_dir=tmp_path), range(64)))) == 1


def test_a_configured_key_overrides_the_file(tmp_path):
    assert key(data_dir=tmp_path, secret_key="sixteen or more characters") == "sixteen or more characters"
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize("short", ["x", "fifteen letters"])
def test_a_short_key_is_refused(tmp_path, short):
    with pytest.raises(SettingsError, match=f"has {len(short)} characters, at least 16"):
        key(data_dir=tmp_path, secret_key=short)


def test_an_empty_key_file_is_reported(tmp_path):
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingsError, match="secret_key has 0 characters"):
        key(data_dir=tmp_path)
