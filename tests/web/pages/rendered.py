"""A page as the lines that people read, for snapshots: text, labels for screen readers, explanations and options."""

import re
from html.parser import HTMLParser

BLOCKS = frozenset("article aside button dd details dialog div dl dt fieldset figure footer form h1 h2 h3".split())  # noqa: SIM905
BLOCKS |= frozenset("header label legend li main nav ol option p section select small summary table".split())  # noqa: SIM905
BLOCKS |= frozenset("tbody td th thead tr ul".split())  # noqa: SIM905
SPOKEN = ("aria-label", "placeholder", "data-why", "data-hint", "data-else", "alt")
SILENT = frozenset(("script", "style", "svg", "head", "pre"))
TIME = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}(, \d\d:\d\d)?")


def lines_of(page: str, *, framed: bool = False) -> str:
    """Return the text of a page, a line a block, with times masked; of its main part unless it is `framed`."""
    reader = _Reader()
    start = page.find("<main")
    reader.feed(page if framed or start < 0 else page[start : page.index("</main>")])
    reader.close()
    lines = (" ".join(line.split(" ")).strip() for line in re.sub(r"[ \t\r\f]+", " ", reader.text()).split("\n"))
    return "\n".join(TIME.sub("TIME", line) for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if tag in BLOCKS or tag == "br":
            self._parts.append("\n")
        if tag == "svg" or not self._silent:
            for name, value in attrs:
                if name in SPOKEN and value:
                    self._parts.append(f"\n[{value}]\n" if tag in BLOCKS or name == "data-why" else f" [{value}] ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT
        if tag in BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(re.sub(r"\s+", " ", data.replace("\u202f", " ")))

    def text(self) -> str:
        return "".join(self._parts)
