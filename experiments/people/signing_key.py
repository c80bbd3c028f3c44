"""The key that signs sessions and previews: from the settings, or generated and kept in the data folder."""

import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from experiments.errors import SettingsError
from experiments.settings import SHORTEST_SECRET, Settings
from experiments.translation import gettext


def with_secret_key(settings: Settings) -> Settings:
    """Return the settings with a secret key.

    Parameters
    ----------
    settings : Settings
        If ``secret_key`` is empty, the key is read from the file ``secret_key`` in the data folder. The first start
        creates that file, readable by its owner only.

    Raises
    ------
    SettingsError
        The key in the file is shorter than 16 characters, or the file cannot be read or created.
    """
    if settings.secret_key.get_secret_value():
        return settings
    file = settings.data_dir / "secret_key"
    try:
        key = _read_or_create(file)
    except OSError as error:
        message = gettext(
            "The secret key in {file} cannot be read or created ({reason}). Make the folder writable, or set "
            "KLETTE_SECRET_KEY."
        )
        raise SettingsError(message.format(file=file, reason=error.strerror)) from None
    if len(key) < SHORTEST_SECRET:
        message = gettext(
            "The secret key in {file} has {length} characters; at least {least} are needed. Delete the file to "
            "generate a new key."
        )
        raise SettingsError(message.format(file=file, length=len(key), least=SHORTEST_SECRET))
    return settings.model_copy(update={"secret_key": SecretStr(key)})


def _read_or_create(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix="secret_key.")  # readable by its owner only
        with open(handle, "w") as output:
            output.write(secrets.token_urlsafe(48))
        try:
            os.link(temporary, file)  # fails if another process created the file first; its key is then used by all
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    return file.read_text().strip()
