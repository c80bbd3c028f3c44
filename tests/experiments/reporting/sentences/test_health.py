"""The words of the health checks."""

from datetime import UTC, datetime

from analysis.health.checks import CHECKS
from experiments.reporting.sentences.health import HEALTH
from experiments.reporting.sentences.wording import Wording
from tests.analysis.health.test_checks import CASES, NOW, members_check
from tests.snapshots import matches

WORDING = Wording(
    variants={"a": "A “Pack light”", "b": "B “Travel far”"},
    zone="Europe/Berlin",
    cut_off=datetime.fromtimestamp(NOW / 1e6, UTC),
)


def test_the_words_of_every_check():
    lines = []
    for key, counts, status in CASES:
        check = members_check(key, **counts)
        words = (WORDING.text(part) for part in (check.detail, check.next_step, check.figures))
        lines.append("\n    ".join([f"{key}, {status}", *filter(None, words)]))
    lines += [f"{check.key}: {check.name}. {check.meaning}" for check in CHECKS]
    matches("experiments/reporting/sentences/health", "\n".join(lines))


def test_every_sentence_is_used_by_a_case():
    used = {part.code for key, counts, _ in CASES for part in _messages(members_check(key, **counts))}
    assert set(HEALTH) - used <= {"health.srm.empty"}


def _messages(check):
    parts = [part for part in (check.detail, check.next_step, check.figures) if part]
    return parts + [
        inner for part in parts for value in part.params.values() if isinstance(value, list) for inner in value
    ]
