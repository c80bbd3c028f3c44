"""The words of a room, pinned by one text file beside its tests, so that wording changes by looking at a difference.

``KLETTE_SNAPSHOT=write`` writes the files anew.
"""

import os
from pathlib import Path

HERE = Path(__file__).parent
WRITING = os.environ.get("KLETTE_SNAPSHOT") == "write"


def matches(name: str, text: str) -> None:
    """Assert that a text is the one of ``tests/<room>/snapshots/<name>.txt``; `name` is the path, as ``room/name``.

    Parameters
    ----------
    name
        The room's folder under ``tests``, and the snapshot's name: ``experiments/reporting/sentences/health``.
    text
        What is shown to people, of any length.
    """
    room, _, own = name.rpartition("/")
    file = HERE / room / "snapshots" / f"{own}.txt"
    if WRITING:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.rstrip("\n") + "\n")
    assert file.exists(), f"{file} does not exist; write it with KLETTE_SNAPSHOT=write."
    assert text.rstrip("\n") + "\n" == file.read_text(), "other words: KLETTE_SNAPSHOT=write writes the snapshot anew"
