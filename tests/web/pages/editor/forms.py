"""What the tests of the editor share: making a draft, the document that is stored, and the errors of a page."""

import re

from experiments.lifecycle import store
from experiments.lifecycle.document import document_of
from tests.web.pages.client import draft_form


def document(pages, key="spring-headline"):
    with pages.database.read() as session:
        return document_of(session, store.get(session, key))


def create(pages, **changes):
    answer = pages.post("/experiments/new", draft_form(**changes), page="/experiments/new")
    assert answer.status_code == 302, re.findall(r'class="error"[^>]*>([^<]+)', answer.text)
    return answer


def errors_of(page):
    return dict(re.findall(r'<span class="error" id="([^"]+)-error">([^<]+)</span>', page.text))


def fields_of(page):
    """What a browser would send of the editor: its fields by name, lists for ticks."""
    from html import unescape

    body = page[page.index('class="editor"') :]
    found: dict[str, object] = {}
    for tag in re.findall(r"<input [^>]*>", body):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name, kind = attributes.get("name", ""), attributes.get("type", "text")
        value = unescape(attributes.get("value", ""))
        if name in ("", "csrf_token") or (kind in ("radio", "checkbox") and not re.search(r"\schecked[\s>]", tag)):
            continue
        if kind == "checkbox":
            found.setdefault(name, []).append(value)  # type: ignore[attr-defined]
        else:
            found[name] = value
    for name, text in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', body, re.DOTALL):
        found[name] = unescape(text)
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    return found
