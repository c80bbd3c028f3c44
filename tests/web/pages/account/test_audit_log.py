"""The audit log names each action that the source records."""

import re
from pathlib import Path

from web.pages.account.audit_log import ACTIONS

ROOT = Path(__file__).parents[4]


def test_every_recorded_action_has_a_name():
    source = "".join(file.read_text() for room in ("experiments", "web") for file in (ROOT / room).rglob("*.py"))
    recorded = set(re.findall(r'\baction="([a-z]+:[a-z_]+)"', source))
    assert len(recorded) > 10
    assert recorded <= ACTIONS.keys()
