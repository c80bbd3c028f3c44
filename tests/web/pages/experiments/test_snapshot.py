"""The words of the list, of a draft, of the launch and of the actions."""

from tests.snapshots import matches
from tests.web.pages.client import draft_form
from tests.web.pages.rendered import lines_of

ROOM = "web/pages/experiments"
RICH = {
    "allocation.method": "top_two",
    "allocation.floor": "5",
    "allocation.every_hours": "24",
    "covariate.kind": "days_before",
    "covariate.days_before": "28",
    "worths.0.type": "share",
    "worths.0.amount": "2.50",
    "margin": "40",
    "prior": "sceptical",
    "interval": "hdi",
    "variants.1.cost.fixed": "1500",
    "namespace.key": "homepage",
    "ends_at": "2041-01-05T09:00",
}
"""What differs from the defaults of a draft, so that the page names it."""


def test_a_draft_its_launch_and_its_preview(pages) -> None:
    where = pages.post("/experiments/new", draft_form(**RICH), page="/experiments/new").location
    read = [pages.get(f"{where}{more}").text for more in ("", "/launch", "/preview/b")]
    matches(f"{ROOM}/draft", "\n\n".join(map(lines_of, read)))


def test_each_action_with_its_question_and_what_the_list_says(pages) -> None:
    where = pages.post("/experiments/new", draft_form(), page="/experiments/new").location
    read = [pages.get("/experiments").text]
    pages.post(f"{where}/launch", page=f"{where}/launch")
    for action in ("pause", "resume", "ship", "stop", "archive"):
        read.append(pages.get(f"{where}/{action}").text)
        pages.post(f"{where}/{action}", page="/keys")
        read.append(pages.get("/experiments").text)
    read += [pages.get(path).text for path in ("/experiments?state=archived", "/nothing/here", f"{where}/stop")]
    matches(f"{ROOM}/actions", "\n\n".join(map(lines_of, read)))
