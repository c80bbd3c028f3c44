"""The words of the results page: each section with its explanations, and the page in each of its states."""

import re
from datetime import timedelta

from experiments.lifecycle import store, transitions
from experiments.storage.tables import Job, utc_now
from tests.snapshots import matches
from tests.web.pages.rendered import lines_of
from tests.web.pages.results import fixtures, sampled_parts, stored
from tests.web.pages.results.sections.test_total_effect import entry
from web.pages.results.sections import SECTIONS

RAW = re.compile('<table class="rawfigures">.*?</table>', re.S)
PAGE = f"/experiments/{stored.KEY}"


def sections_of(page: str) -> dict[str, str]:
    """The lines of each section of a page, in the order of the page, without the cells of raw figures."""
    page = RAW.sub(lambda table: re.sub("<tbody.*</tbody>", "", table[0], flags=re.S), page)
    ids = {section.key: f'id="{section.key.replace("_", "-")}"' for section in SECTIONS}
    starts = sorted((page.rindex("<", 0, page.index(name)), key) for key, name in ids.items() if name in page)
    ends = [start for start, _ in starts[1:]] + [page.index('id="definition"')]
    return {key: lines_of(page[start:end]) for (start, key), end in zip(starts, ends, strict=True)}


def test_the_words_of_the_sections(app, client) -> None:
    stored.experiment(app)
    result = sampled_parts.whole_result()
    result["total"] = {"brought": 700, "metrics": [entry("sticky_rate", {"a": 0.15, "b": 0.2, "c": 0.16})]}
    stored.with_past(app, result)
    sections = sections_of(client.get(PAGE).text)
    assert sections.keys() == {section.key for section in SECTIONS}
    for key, lines in sections.items():
        matches(f"web/pages/results/{key}", lines)


def test_the_words_of_the_states(app, client) -> None:
    seen = []

    def look(state: str, end: str = '<div class="vars"', *, dialogs: bool = False) -> None:
        page = client.get(PAGE).text
        asked = lines_of(page[page.index("<dialog") : page.index("</main>")]) if dialogs else ""
        lines = lines_of(page[page.index('<div id="head"') : page.index(end)])
        seen.append("\n".join(filter(None, (f"== {state}", lines, asked))))

    def job(**values) -> None:
        with stored.services_of(app).database.write() as session:
            found = store.get(session, stored.KEY)
            session.add(Job(kind="analyse", experiment_id=found.id, payload={}, requested_by="cli", **values))

    stored.experiment(app)
    look("no members", dialogs=True)
    stored.expose(app)
    look("first analysis")
    job(state="due", due_at=utc_now() - timedelta(minutes=5, seconds=10))
    look("no worker")
    job(state="failed", message="The database was busy.", finished_at=utc_now())
    look("failed")
    stored.analyse(app, fixtures.stored_result(), at=utc_now() - timedelta(hours=3))
    job(state="done", due_at=utc_now() - timedelta(seconds=20), finished_at=utc_now())
    look("newer data", '<section class="card health"', dialogs=True)
    with stored.services_of(app).database.write() as session:
        transitions.ship(session, store.get(session, stored.KEY), "b", "More members return.", actor="cli")
    look("shipped", '<section class="card health"')
    matches("web/pages/results/states", "\n".join(seen))
