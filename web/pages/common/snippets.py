"""Code snippets: each assigns a variant and logs a click, with nothing to install.

They name a member whom the experiment takes: its attributes match the audience, its hash is within the traffic.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from experiments.assignment.configuration import LiveExperiment
from experiments.assignment.eligibility import hash_reason
from experiments.definition.matching import Value, matching_attributes
from experiments.definition.targeting import describe, parse
from experiments.errors import InvalidError
from experiments.storage.tables import Experiment
from experiments.translation import N_, gettext
from web.http.services import services

NO_KEY = "PASTE_YOUR_KEY_HERE"
NO_EXPERIMENT = "spring-headline"

UNIT = "try-me"
_MOST_UNITS = 2_000
"""Units tried until one is within the traffic: a share of 1 % has one among them but for once in 10^8 times."""


class ExampleMember(NamedTuple):
    """A member whom the experiment takes.

    Attributes
    ----------
    unit : str
    attributes : Mapping of str to value
        They match the experiment's audience.
    note : str
        Which attributes are sent, and why; or that no example was found; "" where the audience is everyone.
    """

    unit: str
    attributes: Mapping[str, Value]
    note: str


class Snippet(NamedTuple):
    """A program to copy."""

    key: str
    name: str
    hint: str
    text: str


_CURL_ASSIGN = """\
curl -sS -X POST {address}/api/v1/assign \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{shell_assign}'
"""

_CURL = (
    _CURL_ASSIGN
    + """
curl -sS -X POST {address}/api/v1/events \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"events": [{{"id": "'$(date +%s%N)'", "unit": "{unit}", "type": "click"}}]}}'
"""
)

_PYTHON = """\
import json
import urllib.request
import uuid

KLETTE = "{address}"
KEY = "{key}"


def call(path, body):
    headers = {{"Authorization": f"Bearer {{KEY}}", "Content-Type": "application/json"}}
    request = urllib.request.Request(KLETTE + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


answer = call("/api/v1/assign", {python_assign})
print(json.dumps(answer, indent=2))

click = {{"id": str(uuid.uuid4()), "unit": "{unit}", "type": "click"}}
print(call("/api/v1/events", {{"events": [click]}}))
"""

_JAVASCRIPT = """\
const KLETTE = "{address}";
const KEY = "{key}";

async function call(path, body) {{
  const answer = await fetch(KLETTE + path, {{
    method: "POST",
    headers: {{"Authorization": `Bearer ${{KEY}}`, "Content-Type": "application/json"}},
    body: JSON.stringify(body),
  }});
  return answer.json();
}}

(async () => {{
  const answer = await call("/api/v1/assign", {assign});
  console.log(JSON.stringify(answer));

  const id = `${{Date.now()}}-${{Math.random()}}`;
  const click = {{id, unit: "{unit}", type: "click"}};
  console.log(JSON.stringify(await call("/api/v1/events", {{events: [click]}})));
}})();
"""

TEMPLATES = (
    ("curl", N_("Terminal"), N_("Two calls with curl."), _CURL),
    ("python", "Python", N_("Needs Python 3.8 or later and no packages."), _PYTHON),
    ("javascript", "JavaScript", N_("Runs in a browser or in Node 18 or later."), _JAVASCRIPT),
)


def all_of(address: str, key: str, experiment: str, member: ExampleMember) -> list[Snippet]:
    """Return the snippets with the address, the API key, the experiment and the member filled in."""
    values = _values(address, key, experiment, member)
    return [
        Snippet(name, gettext(title), gettext(hint), text.format(**values)) for name, title, hint, text in TEMPLATES
    ]


def first_call(address: str, experiment: str, member: ExampleMember) -> str:
    """Return the command that assigns a variant, without an API key."""
    return _CURL_ASSIGN.format(**_values(address, NO_KEY, experiment, member)).rstrip()


def example_member(experiment: Experiment | None) -> ExampleMember:
    """Return a member whom the experiment takes; any member where there is no experiment."""
    if experiment is None:
        return ExampleMember(UNIT, {}, "")
    project = services().configuration.latest().of(experiment.project_id)
    unit = _admitted(project.experiments.get(experiment.key))
    if not experiment.targeting:
        return ExampleMember(unit, {}, "")
    try:
        rule = parse(experiment.targeting)
    except InvalidError:  # stored by hand: nobody is assigned, which the experiment's own page says
        return ExampleMember(unit, {}, "")
    attributes = matching_attributes(rule)
    if attributes is None:
        text = gettext("No attributes were found that match the audience ({audience}), so no variant is assigned.")
        return ExampleMember(unit, {}, text.format(audience=describe(rule)))
    text = gettext("The attributes match the audience of this experiment: {audience}.")
    return ExampleMember(unit, attributes, text.format(audience=describe(rule)))


def _admitted(live: LiveExperiment | None) -> str:
    """Return a unit within the traffic and the namespace of the experiment, if one of the first has that."""
    units = (UNIT if number == 1 else f"{UNIT}-{number}" for number in range(1, _MOST_UNITS))
    return next((unit for unit in units if live is None or hash_reason(live, unit) is None), UNIT)


def _values(address: str, key: str, experiment: str, member: ExampleMember) -> dict[str, str]:
    attributes = {"attributes": dict(member.attributes)} if member.attributes else {}
    call = {"unit": member.unit, **attributes, "experiments": [experiment]}
    assign = json.dumps(call, ensure_ascii=False)
    return {
        "address": address,
        "key": key,
        "unit": member.unit,
        "assign": assign,
        "shell_assign": assign.replace("'", "'\\''"),
        "python_assign": _python(call),
    }


def _python(value: object) -> str:
    """Return a JSON value as Python writes it; a JSON string is a Python string too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_python(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_python(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
