"""The key that signs sessions and previews: given by a setting, or made once and kept in the data folder."""

import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from experiments.errors import SettingsError
from experiments.settings import SHORTEST_SECRET, Settings


def with_secret_key(settings: Settings) -> Settings:
    """The settings with a secret key in them.

    Parameters
    ----------
    settings : Settings
        Where its ``secret_key`` is empty, the file ``secret_key`` in its data folder is read, and made at the first
        start, readable by its owner alone.

    Raises
    ------
    SettingsError
        Where the key in the file is shorter than 16 characters, or its file cannot be read or made.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        return settings
    file = settings.data_dir / "secret_key"
    try:
        key = _read_or_make(file)
    except OSError as error:
        raise SettingsError(
            f"The secret key in {file} cannot be read or made ({error.strerror}); "
            "make the folder writable, or give KLETTE_SECRET_KEY."
        ) from None
    if len(key) < SHORTEST_SECRET:
        raise SettingsError(
            f"The secret key in {file} has {len(key)} characters; remove the file to have a new one made."
        )
    return settings.model_copy(update={"secret_key": SecretStr(key)})


def _read_or_make(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, own = tempfile.mkstemp(dir=file.parent, prefix="secret_key.")  # readable by its owner alone
        with open(handle, "w") as output:
            output.write(secrets.token_urlsafe(48))
        try:
            os.link(own, file)  # fails where another starter was first: then its key is used by all
        except FileExistsError:
            pass
        finally:
            os.unlink(own)
    return file.read_text().strip()
