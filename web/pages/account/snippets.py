"""Code snippets: each assigns a variant and logs a click, with nothing to install."""

from typing import NamedTuple

from experiments.translation import N_, gettext

NO_KEY = "PASTE_YOUR_KEY_HERE"
NO_EXPERIMENT = "spring-headline"


class Snippet(NamedTuple):
    """A program to copy."""

    key: str
    name: str
    hint: str
    text: str


_CURL = """\
curl -sS -X POST {address}/api/v1/assign \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"unit": "try-me", "experiments": ["{experiment}"]}}'

curl -sS -X POST {address}/api/v1/events \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"events": [{{"id": "'$(date +%s%N)'", "unit": "try-me", "type": "click"}}]}}'
"""

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


answer = call("/api/v1/assign", {{"unit": "try-me", "experiments": ["{experiment}"]}})
print(json.dumps(answer, indent=2))

click = {{"id": str(uuid.uuid4()), "unit": "try-me", "type": "click"}}
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
  const answer = await call("/api/v1/assign", {{unit: "try-me", experiments: ["{experiment}"]}});
  console.log(JSON.stringify(answer));

  const id = `${{Date.now()}}-${{Math.random()}}`;
  const click = {{id, unit: "try-me", type: "click"}};
  console.log(JSON.stringify(await call("/api/v1/events", {{events: [click]}})));
}})();
"""

TEMPLATES = (
    ("curl", N_("Terminal"), N_("Two calls with curl."), _CURL),
    ("python", "Python", N_("Needs Python 3.8 or later and no packages."), _PYTHON),
    ("javascript", "JavaScript", N_("Runs in a browser or in Node 18 or later."), _JAVASCRIPT),
)


def all_of(address: str, key: str, experiment: str) -> list[Snippet]:
    """Return the snippets with the address, the API key and the experiment filled in."""
    return [
        Snippet(name, gettext(title), gettext(hint), text.format(address=address, key=key, experiment=experiment))
        for name, title, hint, text in TEMPLATES
    ]
