"""A fit suppresses warnings that need no action, and passes on all others."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from analysis.sampling import engine

ANNOUNCEMENTS = (
    (UserWarning, "PyTensor could not link to a BLAS installation. Operations that might benefit will be degraded."),
    (FutureWarning, "\nArviZ is undergoing a major refactor to improve flexibility and extensibility."),
    (
        Warning,
        "\x1b[1m\x1b[1mnp.dot() is faster on contiguous arrays, called on (Array(float64, 2, 'A', False))\x1b[0m",
    ),
)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch):
    def run(category: type[Warning], text: str) -> list[str]:
        def sampler(*_: object) -> engine.Draws:
            warnings.warn(text, category, stacklevel=1)
            return engine.Draws({}, 0, "none")

        monkeypatch.setattr(engine, "_with_nutpie", sampler)
        monkeypatch.setattr(engine, "_with_pymc", sampler)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            engine.sample(dict, (1,), {"y": np.zeros(1)}, seed=1, draws=1, tune=1, chains=1)
        return [str(warning.message) for warning in heard]

    return run


@pytest.mark.parametrize(("category", "text"), ANNOUNCEMENTS)
def test_known_warnings_of_the_libraries_are_suppressed(fit, category: type[Warning], text: str) -> None:
    assert fit(category, text) == []


def test_other_warnings_are_shown(fit) -> None:
    assert fit(UserWarning, "The chains did not mix.") == ["The chains did not mix."]


def test_an_import_disturbed_by_another_process_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arviz.py").write_text(
        "import pathlib\n"
        "stamp = pathlib.Path(__file__).with_name('stamp')\n"
        "there = stamp.exists()\n"
        "stamp.touch()\n"
        "if not there:\n"
        "    raise FileNotFoundError(2, 'No such file', 'daily_warning.tmp')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "arviz", raising=False)
    found = engine.import_arviz()
    monkeypatch.delitem(sys.modules, "arviz")
    assert found.there
