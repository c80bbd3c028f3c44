"""The words of a room, pinned by one text file beside its tests, so that wording changes by looking at a difference.

``KLETTE_SNAPSHOT=write`` writes the files anew. A list of metrics or event types, as errors have it, is written as
"(the known keys)", so that a new line of a registry changes only what is said of it.
"""

import os
import re
from pathlib import Path

from experiments.catalogue.event_types import EVENT_TYPES
from experiments.catalogue.metrics import METRICS

HERE = Path(__file__).parent
WRITING = os.environ.get("KLETTE_SNAPSHOT") == "write"
_KEY = "(?:" + "|".join([*(metric.key for metric in METRICS), *(kind.key for kind in EVENT_TYPES)]) + ")"
_KEYS = re.compile(rf"\b{_KEY}(?:, {_KEY}){{4,}}\b")


def matches(name: str, text: str) -> None:
    """Assert that a text is the one of ``tests/<room>/snapshots/<name>.txt``; `name` is the path, as ``room/name``.

    Parameters
    ----------
    name
        The room's folder under ``tests``, and the snapshot's name: ``experiments/reporting/sentences/health``.
    text
        What is shown to people, of any length.
    """
    text = _KEYS.sub("(the known keys)", text)
    room, _, own = name.rpartition("/")
    file = HERE / room / "snapshots" / f"{own}.txt"
    if WRITING:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.rstrip("\n") + "\n")
    assert file.exists(), f"{file} does not exist; write it with KLETTE_SNAPSHOT=write."
    assert text.rstrip("\n") + "\n" == file.read_text(), "other words: KLETTE_SNAPSHOT=write writes the snapshot anew"
