"""Assignment without HTTP and without a database, with an in-memory recorder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from experiments.assignment.assign import Assigner
from experiments.assignment.configuration import Configuration, LiveExperiment, LiveVariant, ProjectConfiguration
from experiments.assignment.exposure import ExposureRow, Recorded
from experiments.assignment.preview import Previews
from experiments.assignment.request import AssignmentRequest
from experiments.errors import InvalidError

NOW = 1_764_000_000_000_000
VARIANTS = (LiveVariant("a", {"headline": "A"}), LiveVariant("b", {"headline": "B"}))
SPRING = LiveExperiment(
    id=1, project_id=1, key="spring", state="running", currency="EUR", variants=VARIANTS, run_id=7,
    run_number=1, seed="seed",
    edges=(5000, 10_000), traffic_seed="traffic", segments=("country",),
    variant_of={held.key: held for held in VARIANTS},
)  # fmt: skip
AUTUMN = replace(SPRING, id=2, key="autumn", run_id=8, seed="another seed")
DRAFT = replace(SPRING, id=3, key="draft", state="draft", run_id=None, run_number=None, edges=())
PREVIEWS = Previews("a key for the tests only")


class Memory:
    """A recorder in memory, which counts its calls."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], ExposureRow] = {}
        self.writes = self.reads = 0

    def recorded(self, keys: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], Recorded]:
        self.reads += 1
        return {key: self._recorded(key) for key in keys if key in self.rows}

    def record_exposures(self, rows: Sequence[ExposureRow]) -> Sequence[Recorded]:
        self.writes += 1
        return [self._recorded((row.run_id, row.unit), row) for row in rows]

    def _recorded(self, key: tuple[int, str], row: ExposureRow | None = None) -> Recorded:
        new = key not in self.rows
        if row is not None:
            self.rows.setdefault(key, row)
        return Recorded(self.rows[key].variant, self.rows[key].origin, new)


class Snapshots:
    """A configuration that another one replaces once it is looked at again."""

    def __init__(self, current: Configuration, latest: Configuration | None = None) -> None:
        self._current, self._latest = current, latest or current

    def current(self) -> Configuration:
        return self._current

    def latest(self) -> Configuration:
        self._current = self._latest
        return self._current


def holding(*lives: LiveExperiment) -> Configuration:
    running = tuple(live for live in lives if live.state == "running")
    return Configuration(1, {1: ProjectConfiguration(1, {live.key: live for live in lives}, running)}, {})


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def assigner(memory) -> Assigner:
    return Assigner(Snapshots(holding(SPRING, AUTUMN, DRAFT)), memory, PREVIEWS)


def request(**fields) -> AssignmentRequest:
    return AssignmentRequest(**{"unit": "u-1", "attributes": {"country": "DE", "email": "x"}} | fields)


def test_all_running_experiments_are_recorded_together_with_segment_attributes_only(assigner, memory):
    answered = assigner.assign(1, request(), now_us=NOW)
    assert [each.experiment for each in answered.assigned] == ["spring", "autumn"] and answered.unknown == []
    assert all(each.exposed and each.run == 1 for each in answered.assigned)
    assert (memory.writes, memory.reads) == (1, 0)
    assert {row.attributes for row in memory.rows.values()} == {'{"country":"DE"}'}
    assert {row.received_us for row in memory.rows.values()} == {NOW}


def test_a_recorded_exposure_takes_precedence_over_the_hash(assigner, memory):
    by_hash = assigner.assign(1, request(expose=False, experiments=["spring"])).assigned[0].decision.variant
    other = "a" if by_hash.key == "b" else "b"
    memory.rows[(7, "u-1")] = ExposureRow(1, 7, "u-1", other, NOW, NOW)
    for expose in (True, False):
        (assigned,) = assigner.assign(1, request(expose=expose, experiments=["spring"])).assigned
        assert (assigned.decision.variant.key, assigned.exposed) == (other, True)


def test_without_exposure_nothing_is_recorded(assigner, memory):
    (assigned,) = assigner.assign(1, request(expose=False, experiments=["spring"])).assigned
    assert assigned.decision.reason == "SPLIT" and not assigned.exposed
    assert (memory.writes, memory.rows) == (0, {})


def test_an_unknown_key_reloads_the_configuration_and_is_reported(memory):
    assigner = Assigner(Snapshots(holding(SPRING), holding(SPRING, AUTUMN)), memory, PREVIEWS)
    answered = assigner.assign(1, request(experiments=["autumn", "nope"]))
    assert [each.experiment for each in answered.assigned] == ["autumn"]
    assert answered.unknown == ["nope"]


def test_a_preview_shows_its_variant_of_a_draft_and_records_nothing(assigner, memory):
    token = PREVIEWS.token(1, "draft", "b")
    answered = assigner.assign(1, request(experiments=["spring"], preview=token, expose=False))
    assert [each.experiment for each in answered.assigned] == ["spring", "draft"]
    decision = answered.assigned[1].decision
    assert (decision.variant.key, decision.reason, decision.origin) == ("b", "PREVIEW", "preview")
    assert memory.rows == {}


@pytest.mark.parametrize(
    "token",
    ["", "nonsense", Previews("another key").token(1, "draft", "b"), PREVIEWS.token(2, "draft", "b")],
    ids=["empty", "no token", "another key", "another project"],
)
def test_a_token_signed_elsewhere_or_for_another_project_is_refused(assigner, token):
    with pytest.raises(InvalidError) as refused:
        assigner.assign(1, request(preview=token))
    assert refused.value.code == "preview"


def test_a_key_of_another_project_reaches_none_of_the_experiments(assigner, memory):
    answered = assigner.assign(2, request(experiments=["spring"]))
    assert (answered.assigned, answered.unknown) == ([], ["spring"])
    assert assigner.assign(2, request()).assigned == []
    assert memory.rows == {}
