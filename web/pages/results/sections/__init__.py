"""The sections of the results page: a visible tuple, a file and a template a section.

To add one, write a module here with ``build``, a template of the same name in `web/templates/results/sections`, and a
line below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from web.pages.results.context import Context
from web.pages.results.sections import (
    allocation,
    counts,
    health,
    over_time,
    provenance,
    purchases,
    retention,
    scorecard,
    segments,
    total_effect,
    variants,
    verdict,
    word_of_mouth,
)


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    key
        Its name: that of its module, its template and its element.
    build
        Returns what the template prints as ``part``; the section is left out where that is None or empty.
    place
        ``top`` and ``bottom`` are as wide as the page, ``grid`` is beside others.
    empty
        The template also prints an empty part, to say why there is nothing.
    warns
        Comes first where a health check failed.
    pools_epochs
        Its figures do not allow for changes in the traffic split; the page notes it where the split changed.
    """

    key: str
    build: Callable[[Context], object]
    place: Literal["top", "grid", "bottom"] = "grid"
    empty: bool = False
    warns: bool = False
    pools_epochs: bool = False

    @property
    def template(self) -> str:
        """The template's path."""
        return f"results/sections/{self.key}.html"


SECTIONS: tuple[Section, ...] = (
    Section("verdict", verdict.build, "top"),
    Section("health", health.build, "top", warns=True),
    Section("variants", variants.build, "top"),
    Section("scorecard", scorecard.build, "top"),
    Section("retention", retention.build, pools_epochs=True),
    Section("over_time", over_time.build),
    Section("word_of_mouth", word_of_mouth.build, pools_epochs=True),
    Section("total_effect", total_effect.build, pools_epochs=True),
    Section("purchases", purchases.build, pools_epochs=True),
    Section("counts", counts.build, pools_epochs=True),
    Section("allocation", allocation.build),
    Section("segments", segments.build, empty=True),
    Section("provenance", provenance.build, "bottom"),
)
"""In the order of the page."""
