"""Word of mouth: what each member brings along, whether it spreads by itself, and how large cascades get."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis import NotShown, charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.cascade import CASCADE
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import VariantCascade
from experiments.reporting import phrases
from experiments.reporting.numbers import NOTHING, count, decimal, listed, percent, plural
from experiments.reporting.worded import Reading
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, Table, VariantFacts, by_position, reason_of, shown

BOX = (260, 224)
"""Width and height of the picture's box; the burr lies in its middle and keeps clear of its edge."""
_SIZES = ((1, 1), (2, 2), (3, 5), (6, 20), (21, 100), (101, None))
"""Cascades are told in classes: alone, with one more, and so on."""
TOO_YOUNG = 0.1
"""Above this share of members who came too recently to have passed it on, the reader is told."""


@dataclass(frozen=True)
class Picture:
    """A burr as the template draws it: lines and dots in the units of the box, `fade` from 1 at the root outwards."""

    lines: tuple[tuple[float, float, float, float, float], ...]
    dots: tuple[tuple[float, float, float, float], ...]
    colour: str
    alternative: str
    caption: str


@dataclass(frozen=True)
class Row:
    """One variant: what a member brings, whether it spreads by itself, what 100 become."""

    variant: VariantFacts
    brought: Number
    spreads: Number
    hundred: Number


@dataclass(frozen=True)
class WordOfMouth:
    """The section, or the reason why there is none."""

    sentence: tuple[Part, ...]
    picture: Picture | None
    rows: tuple[Row, ...]
    young: str
    outcome: str
    sizes: Table | None = None
    note: str = ""


def build(context: Context) -> WordOfMouth | None:
    """Return the section; None where the result has no cascades."""
    entries = context.answer.entries(CASCADE)
    if not entries:
        return None
    entry = entries[0]
    reading, subject, control = context.reading, context.subject, context.control
    rows: Rows = [] if isinstance(entry, Unfitted) else by_position(entry.variants, context.variants)
    known = {variant.key: row for variant, row in rows}
    sizes = _sizes(rows)
    picture = _picture(subject, known.get(subject.key)) or _picture(control, known.get(control.key))
    reason = reason_of(entry, reading)
    if isinstance(entry, Unfitted) or reason or not any(shown(row.r) for _, row in rows):
        own = {row.r.reason if isinstance(row.r, NotShown) else None for _, row in rows}
        reason = _unknown(rows, reading) if len(own) > 1 else reason or "Nobody has brought anybody along yet."
        return WordOfMouth((), picture, (), _young(rows, "nothing is told of that yet"), reason, sizes)
    note = reading.text(entry.note)
    young = _young(rows, "they are left out here" if note else "the figures allow for that")
    lines = tuple(_row(variant, row, reading, whole=bool(note)) for variant, row in rows)
    sentence = _sentence(context, known, whole=bool(note))
    return WordOfMouth(sentence, picture, lines, young, _unknown(rows, reading), sizes, note)


Rows = list[tuple[VariantFacts, VariantCascade]]


def _unknown(rows: Rows, reading: Reading) -> str:
    """Whose word of mouth cannot be told, and why."""
    reasons: dict[str, list[str]] = {}
    for variant, row in rows:
        if isinstance(row.r, NotShown):
            reasons.setdefault(reading.text(row.r.reason), []).append(variant.letter)
    return " ".join(f"{listed(who)}: {why}" for why, who in reasons.items())


def _sentence(context: Context, known: Mapping[str, VariantCascade], *, whole: bool) -> tuple[Part, ...]:
    """ "Each member who saw B brought 0.31 more (0.27 to 0.35); with A it was 0.19. Every 100 ... became 145." """
    subject, control, reading = context.subject, context.control, context.reading
    own, other = known.get(subject.key), known.get(control.key)
    own_r = None if own is None else shown(own.r)
    if own is None or own_r is None:
        return ()
    parts = [
        Part("Each member who saw "),
        Part(subject.letter, subject.colour),
        Part(" brought "),
        Part("", number=_brought(subject, own, own_r, "said", whole=whole)),
        Part(f" more ({_small(own_r.interval.low)} to {_small(own_r.interval.high)})"),
    ]
    if other and (other_r := shown(other.r)):
        parts += [Part("; with "), Part(control.letter, control.colour), Part(" it was ")]
        parts += [Part("", number=_brought(control, other, other_r, "said", whole=whole))]
    if not isinstance(own.reach, NotShown):
        parts += [Part(". Every 100 members reached by "), Part(subject.letter, subject.colour), Part(" became ")]
        parts += [Part("", number=_hundred(subject, own, reading, "said"))]
    return (*parts, Part("."))


def _row(variant: VariantFacts, row: VariantCascade, reading: Reading, *, whole: bool) -> Row:
    r = shown(row.r)
    if r is None:
        return Row(variant, Number(NOTHING), Number(NOTHING), Number(NOTHING))
    spreads = Number(
        phrases.chance(row.p_viral),
        f"How likely it is that every member who meets {variant.letter} brings more than one other on average: then it"
        " spreads without anybody's help, for as long as there are people who do not know it.",
        f"word-of-mouth-{variant.key}-spreads",
    )
    return Row(variant, _brought(variant, row, r, whole=whole), spreads, _hundred(variant, row, reading))


def _brought(variant: VariantFacts, row: VariantCascade, r: Estimate, place: str = "row", *, whole: bool) -> Number:
    """What a member brings; `whole` where only those are told of whose days are over."""
    bounds = phrases.between(_small(r.interval.low), _small(r.interval.high))
    why = (
        f"The {plural(row.n, 'member')} who met {variant.letter} brought {count(row.brought)} others so far;"
        f" those who came too recently to have passed it on are {'left out' if whole else 'allowed for'}. With"
        f" {explanations.level_of(r.interval)} probability the true number is {bounds}"
        f" ({explanations.kind_of(r.interval)})."
    )
    return Number(_small(r.mean), why, f"word-of-mouth-{variant.key}-{place}")


def _hundred(variant: VariantFacts, row: VariantCascade, reading: Reading, place: str = "hundred") -> Number:
    """What every 100 members become with all whom they bring, and those bring, and so on."""
    key = f"word-of-mouth-{variant.key}-100{'' if place == 'hundred' else '-' + place}"
    if isinstance(row.reach, NotShown):
        return Number(NOTHING, reading.text(row.reach.reason), key)
    interval = row.reach.interval
    bounds = phrases.between(count(round(100 * interval.low)), count(round(100 * interval.high)))
    why = (
        f"Every 100 members who meet {variant.letter} first-hand, with those they bring, whom these bring, and so on."
        f" The median; with {explanations.level_of(interval)} probability the true number is {bounds}."
    )
    return Number(count(round(100 * row.reach.median)), why, key)


def _young(rows: Rows, so: str) -> str:
    """Who came too recently to have passed it on, where they are many, and what is done about it."""
    shares = [row.too_young for _, row in rows]
    if not shares or max(shares) < TOO_YOUNG:
        return ""
    low, high = percent(min(shares), 0), percent(max(shares), 0)
    said = high if low == high else f"{low} to {high}"
    return f"{said} of the members came so recently that they may still pass it on; {so}."


def _picture(variant: VariantFacts, row: VariantCascade | None) -> Picture | None:
    """A cascade as large as the largest and as deep as the deepest one; none where nobody brought anybody."""
    size = max((number for number, roots in row.sizes if roots), default=1) if row else 1
    depth = max((number for number, roots in row.depths if roots), default=0) if row else 0
    if size < 2:
        return None
    drawn = charts.burr(size, depth)
    middle, far = (BOX[0] / 2, BOX[1] / 2), (BOX[1] / 2 - 8)
    places = [(round(middle[0] + far * x * 1.12, 1), round(middle[1] + far * y, 1)) for x, y, _ in drawn.nodes]
    fades = [round(1 - 0.68 * level / max(drawn.depth, 1), 2) for *_, level in drawn.nodes]
    lines = tuple((*places[parent], *places[child], fades[child]) for child, parent in enumerate(drawn.parents, 1))
    dots = tuple((*place, round(1.4 + 4.4 * fade, 1), fade) for place, fade in zip(places, fades, strict=True))
    steps = plural(drawn.depth, "step")
    of = "" if drawn.whole else f" {len(drawn.nodes)} of {count(size)} are drawn."
    caption = (
        f"The largest cascade of {variant.letter} reached {count(size)} members, the deepest went {steps}. Drawn as"
        f" large and as deep as that; who brought whom is not kept.{of}"
    )
    alternative = (
        f"Drawing of a cascade of {count(size)} members in {steps}, as large as the largest of {variant.letter}"
    )
    return Picture(lines, dots, variant.colour, alternative, caption)


def _sizes(rows: Rows) -> Table | None:
    """How many of the first members carried it how far, in classes, a column a variant."""
    counted = [(variant, row) for variant, row in rows if row.sizes]
    if not counted:
        return None
    lines = []
    for low, high in _SIZES:
        cells = []
        for _, row in counted:
            roots = sum(n for size, n in row.sizes if size >= low and (high is None or size <= high))
            whole = sum(n for _, n in row.sizes)
            cells.append(
                f"{count(roots)} ({percent(roots / whole, 1 if roots / whole >= 0.001 else 2)})" if roots else "0"
            )
        if any(cell != "0" for cell in cells):
            lines.append((_class(low, high), *cells))
    return Table(("members reached", *(variant.letter for variant, _ in counted)), tuple(lines))


def _class(low: int, high: int | None) -> str:
    if high == 1:
        return "nobody else"
    if high is None:
        return f"over {low - 1}"
    return str(low) if low == high else f"{low} to {high}"


def _small(number: float) -> str:
    return decimal(number, 2 if number >= 0.1 else 3)
