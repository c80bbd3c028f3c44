"""`analysis` works alone: no web framework, no database, no PyMC until a segmented fit asks for it."""

import doctest
import json
import subprocess
import sys

import pytest

import analysis
from analysis import models, priors
from tests.serving import ROOT


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.splitlines()[-1]))


def test_importing_analysis_brings_neither_pymc_nor_a_web_framework():
    found = loaded_by(
        "import analysis, analysis.segments.fit, analysis.charts, analysis.simulate, analysis.sampling.engine"
    )
    assert "analysis" in found
    assert not found & {"pymc", "pytensor", "nutpie", "arviz", "matplotlib", "pandas"}
    assert not found & {"flask", "sqlmodel", "sqlalchemy", "experiments", "web"}


def test_the_package_example_runs():
    assert doctest.testmod(analysis).failed == 0


@pytest.mark.slow
def test_the_types_that_a_notebook_shows_are_true():
    ran = subprocess.run([sys.executable, "-m", "mypy", "--no-incremental"], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout


def test_every_model_is_listed_once_with_a_prior():
    assert len({model.name for model in models.MODELS}) == len(models.MODELS)
    for model in models.MODELS:
        assert models.named(model.name) is model
        assert model.prior in priors.PRIORS
    assert models.for_kind("proportion").name == "conversion"


def test_every_prior_has_a_reason_and_comes_back_by_name():
    for prior in priors.PRIORS:
        assert priors.named(prior.name) is prior
        assert prior.reason.code == f"prior.{prior.name}"
        assert priors.NamedPrior.from_dict(json.loads(json.dumps(prior.to_dict()))) == prior


def test_every_public_name_exists():
    for name in analysis.__all__:
        assert hasattr(analysis, name)


def test_every_public_name_is_found_and_drawing_loads_no_scipy():
    assert set(analysis.__all__) == set(analysis._HOMES)
    assert all(getattr(analysis, name) for name in analysis.__all__)
    assert "scipy" not in loaded_by("from analysis import charts")
