"""A toy addition for each recipe of CONTRIBUTING.md."""

from collections.abc import Callable

from tests.house.house import House


def add_metric(house: House) -> None:
    house.add_line(
        "experiments/catalogue/metrics.py",
        "METRICS",
        """    Metric(
        "save_rate",
        N_("Save rate"),
        N_("Share of members who saved the content at least once within {window} days."),
        "proportion",
        ("save",),
        noun=N_("save rate"),
        undated_hint=N_("Share of members who saved the content at least once."),
        superlative=N_("the most saved"),
    ),""",
    )


def add_event_type(house: House) -> None:
    house.add_line(
        "experiments/catalogue/event_types.py",
        "EVENT_TYPES",
        """    EventType(
        "save", N_("Save"), N_("The member saved the content."), NUMBER, activity=True, outcome=N_("Counts saves")
    ),""",
    )


def add_health_check(house: House) -> None:
    house.write(
        "analysis/health/toy.py",
        '''"""Are there toys among the members?"""

from __future__ import annotations

from analysis.health.data import HealthData
from analysis.health.result import HealthCheck
from analysis.messages import message


def toys(data: HealthData) -> HealthCheck | None:
    """Warn where members were counted."""
    if not data.randomised:
        return None
    return HealthCheck("toys", "warn", float(data.randomised), message("health.toys.some", members=data.randomised))
''',
    )
    line = '    Check("toys", toys, N_("Toys"), N_("Toys act alike on every variant.")),'
    house.add_line("analysis/health/checks.py", "CHECKS", line, "from analysis.health.toy import toys")
    template = '    "health.toys.some": N_("{members:count} members played with toys."),'
    house.add_line("experiments/reporting/sentences/health.py", "HEALTH", template)


def add_posterior_model(house: House) -> None:
    house.write(
        "analysis/models/toy.py",
        '''"""Toy: a rate with a Beta prior, in closed form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.errors import NotShown
from analysis.models.conversion_flat import without_members
from analysis.posterior.joint import IndependentPosterior
from analysis.posterior.marginals import BetaMarginal
from analysis.priors import NamedPrior
from analysis.statistics import ProportionStatistics


def fit(
    statistics: Mapping[str, ProportionStatistics], prior: NamedPrior, rng: np.random.Generator | None = None
) -> IndependentPosterior | NotShown:
    """Return Beta(toys + successes, toys + failures) for each variant."""
    if missing := without_members(statistics):
        return missing
    toys = prior["toys"]
    marginals = (BetaMarginal(toys + cell.successes, toys + cell.n - cell.successes) for cell in statistics.values())
    return IndependentPosterior(tuple(statistics), tuple(marginals))
''',
    )
    prior = 'TOY = NamedPrior("toy", (("toys", 5.0),), message("prior.toy"))'
    house.add_line("analysis/priors.py", "PRIORS", "    TOY,", prior)
    sentence = '    "prior.toy": N_("As many toys as other things."),'
    house.add_line("experiments/reporting/sentences/priors.py", "PRIORS", sentence)
    house.add_line(
        "analysis/models/__init__.py",
        "MODELS",
        '    Model("toy", "proportion", toy.fit, priors.TOY),',
        "from analysis.models import toy",
    )
    house.add_line(
        "experiments/catalogue/metrics.py",
        "METRICS",
        """    Metric(
        "toy_rate",
        N_("Toy rate"),
        N_("Share of members who saved a toy within {window} days."),
        "proportion",
        ("save",),
        model="toy",
        noun=N_("toy rate"),
        undated_hint=N_("Share of members who saved a toy."),
        superlative=N_("the most playful"),
    ),""",
    )


def add_sampled_model(house: House) -> None:
    house.write(
        "experiments/analyses/sampled/toy.py",
        '''"""A toy model: a number of toys, without a sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from analysis import NamedPrior, NotShown
from experiments.analyses.plan import Inputs
from experiments.analyses.sampled.draws import CHAINS, DRAWS, Drawn
from experiments.analyses.sampled.part import LATER, Draws, Entries, Part, Report, Unfitted
from experiments.translation import N_


@dataclass(frozen=True, slots=True)
class ToyFit:
    """The fit of the toys."""

    toys: float
    seed: int
    not_shown: NotShown | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ToyFit:
        """Read `to_dict` back."""
        return cls(data["toys"], data["seed"])


class Toys(BaseModel):
    """How many toys there are."""

    toys: float | None = Field(description="Toys of the toy model.")


def _fit(inputs: Inputs, _: Report) -> Entries[ToyFit]:
    return (ToyFit(4.25, inputs.seed) if inputs.with_models else Unfitted(LATER, {"toys": None}),)


def _priors(_: ToyFit) -> dict[str, NamedPrior]:
    return {}


def _draws(_: Inputs, entries: Entries[ToyFit], variants: Sequence[str], models: bool) -> Draws:
    yield "toy_count", Drawn(np.full((CHAINS, DRAWS, len(variants)), 4.25))


TOY = Part(
    key="toy_model",
    name=N_("how many toys there are"),
    begins=0.99,
    progress=N_("Counting toys"),
    subjects=lambda plan: ("toys",),
    listed=False,
    fit=_fit,
    read=ToyFit.from_dict,
    priors=_priors,
    draws=_draws,
    schema=Toys,
)
''',
    )
    path = "experiments/analyses/sampled/__init__.py"
    house.add_to_line(path, "SAMPLED", "TOY", "from experiments.analyses.sampled.toy import TOY")


def add_section(house: House) -> None:
    house.write(
        "web/pages/results/sections/toy.py",
        '''"""Toy: how many variants there are."""

from web.pages.results.context import Context


def build(context: Context) -> int:
    """Return the number of variants."""
    return len(context.variants)
''',
    )
    house.write(
        "web/templates/results/sections/toy.html",
        '<section class="card" id="toy"><h2>Toy section</h2><p>{{ part }} variants</p></section>\n',
    )
    house.add_line(
        "web/pages/results/sections/__init__.py",
        "SECTIONS",
        '    Section("toy", toy.build),',
        "from web.pages.results.sections import toy",
    )


def add_page(house: House) -> None:
    house.write(
        "web/pages/toys/__init__.py",
        '''"""Toys."""
''',
    )
    house.write(
        "web/pages/toys/toys.py",
        '''"""The page of the toys."""

from flask import Blueprint, render_template

blueprint = Blueprint("toys", __name__)


@blueprint.get("/toys")
def index() -> str:
    """Show the toys."""
    return render_template("toys/index.html")
''',
    )
    house.write(
        "web/templates/toys/index.html",
        '{% extends "common/base.html" %}\n{% block content %}<h1>All toys</h1>{% endblock %}\n',
    )
    imported = "from web.pages.toys import toys"
    house.add_line("web/pages/__init__.py", "BLUEPRINTS", "    toys.blueprint,", imported)
    house.add_line("web/pages/__init__.py", "NAVIGATION", '    Entry("/toys", N_("Toys")),')


def add_protocol(house: House) -> None:
    house.write(
        "web/api/toy.py",
        '''"""A toy protocol: the variant's key as plain text."""

from flask import Blueprint, Response
from pydantic import BaseModel

from experiments.assignment.request import AssignmentRequest
from web.api.auth import call, project_id, require_key
from web.apidocs.openapi import documented
from web.http.services import services

blueprint = Blueprint("toy", __name__)


class ToyAnswer(BaseModel):
    """The variant's key."""

    variant: str | None


@blueprint.get("/api/v1/toy/<experiment>/<unit>")
@documented(tag="Apps", answers={200: ToyAnswer}, key="client")
@require_key("client")
def show(experiment: str, unit: str) -> Response:
    """Return a unit's variant and record the exposure."""
    request = AssignmentRequest(unit=unit, experiments=[experiment], attributes={}, expose=True, preview=None)
    assigned = services().assigner.assign(project_id(), request).assigned[0]
    return Response(ToyAnswer(variant=assigned.decision.variant.key).model_dump_json(), mimetype="application/json")
''',
    )
    house.add_line("web/api/__init__.py", "BLUEPRINTS", "    toy.blueprint,", "from web.api import toy")


def add_command(house: House) -> None:
    house.write(
        "experiments/commands/toy.py",
        '''"""`klette toy`: say hello."""

import click

from experiments.commands import helping
from experiments.translation import N_


@click.command("toy", cls=helping.Command, help=N_("Say hello."))
def command() -> None:
    click.echo("Hello from a toy.")
''',
    )
    line = '    Command("toy", "experiments.commands.toy", N_("Say hello.")),'
    house.add_line("experiments/commands/cli.py", "COMMANDS", line)


def add_sentence(house: House) -> None:
    house.add_line(
        "experiments/reporting/sentences/notes.py",
        "NOTES",
        '    "note.toy": N_("{variant:variant} has {members:count} toys."),',
    )


def add_language(house: House) -> None:
    line = '    Language("fr", "Français", "d MMM y", "fr-FR"),'
    house.add_line("experiments/translation/__init__.py", "LANGUAGES", line)
    options = ["--no-location", "--no-wrap", "--keywords", "N_", "--keywords", "plural:1,2"]
    extract = ["extract", "--mapping-file", "pyproject.toml", *options, "--output-file", "messages.pot", "."]
    house.run("-m", "babel.messages.frontend", "--quiet", *extract)
    catalogue = "experiments/translation/catalogues/fr/LC_MESSAGES/messages.po"
    made = ["init", "--input-file", "messages.pot", "--output-file", catalogue, "--locale", "fr"]
    house.run("-m", "babel.messages.frontend", "--quiet", *made)
    file = house.folder / catalogue
    texts = file.read_text()
    assert 'msgid "Sign in"\nmsgstr ""' in texts
    file.write_text(texts.replace('msgid "Sign in"\nmsgstr ""', 'msgid "Sign in"\nmsgstr "Se connecter"'))


def add_setting(house: House) -> None:
    line = '    toys: int = Field(3, ge=1, le=9, description="Number of toys.")'
    house.add_field("experiments/settings.py", "Settings", line)
    house.append("docs/settings.md", "| `KLETTE_TOYS` | `3` | Number of toys. |")


RECIPES: tuple[tuple[str, Callable[[House], None]], ...] = (
    ("A metric", add_metric),
    ("An event type", add_event_type),
    ("A health check", add_health_check),
    ("A posterior model", add_posterior_model),
    ("A sampled model", add_sampled_model),
    ("A results section", add_section),
    ("A page", add_page),
    ("A protocol", add_protocol),
    ("A command", add_command),
    ("A sentence", add_sentence),
    ("A setting", add_setting),
    ("A language", add_language),
)
"""A heading of CONTRIBUTING.md, and its recipe followed."""
