"""The results page of a fixture as data, for the tests of its sections."""

from tests.web.pages.results import fixtures, sampled_parts
from web.pages.results import view

THIN = "\u202f"


def page(result=None, **changes):
    mature = changes.pop("mature", False)
    return view.build(
        fixtures.reading(result or sampled_parts.whole_result()),
        fixtures.variants(),
        fixtures.history(),
        fixtures.plan(**changes),
        now=fixtures.NOW,
        mature=mature,
    )


def text_in(parts) -> str:
    return "".join(part.number.text if part.number else part.text for part in parts)


def with_part(name, part):
    return sampled_parts.plain_result() | {name: part}
