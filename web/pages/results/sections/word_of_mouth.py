"""Word of mouth: how many members each member brings, whether growth sustains itself, and how large cascades get."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis import NotShown, charts
from analysis.posterior.joint import Estimate
from experiments.analyses.sampled.cascade import CASCADE
from experiments.analyses.sampled.part import Unfitted
from experiments.analyses.sampled.results import VariantCascade
from experiments.reporting import phrases
from experiments.reporting.numbers import NOTHING, count, decimal, listed, percent
from experiments.reporting.worded import Reading
from experiments.translation import gettext, ngettext
from web.pages.results import explanations
from web.pages.results.context import Context
from web.pages.results.parts import Number, Part, Table, VariantFacts, by_position, filled, reason_of, shown

BOX = (260, 224)
"""Width and height of the picture; the burr is in its middle, away from its edge."""
_SIZES = ((1, 1), (2, 2), (3, 5), (6, 20), (21, 100), (101, None))
"""The classes of cascades by their members: the first one alone, with one more, and so on."""
TOO_YOUNG = 0.1
"""The share of members who joined too recently to have shared, from which a note is shown."""


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
    """One variant: what a member brings, the chance that growth sustains itself, what 100 members become."""

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
        reason = _unknown(rows, reading) if len(own) > 1 else reason or gettext("No member has brought another yet.")
        return WordOfMouth((), picture, (), "", reason, sizes)
    note = reading.text(entry.note)
    young = _young(rows, whole=bool(note))
    lines = tuple(_row(variant, row, reading, whole=bool(note)) for variant, row in rows)
    sentence = _sentence(context, known, whole=bool(note))
    return WordOfMouth(sentence, picture, lines, young, _unknown(rows, reading), sizes, note)


Rows = list[tuple[VariantFacts, VariantCascade]]


def _unknown(rows: Rows, reading: Reading) -> str:
    """Return which variants have no figures, and why."""
    reasons: dict[str, list[str]] = {}
    for variant, row in rows:
        if isinstance(row.r, NotShown):
            reasons.setdefault(reading.text(row.r.reason), []).append(variant.letter)
    text = gettext("{variants}: {reason}")
    return " ".join(text.format(variants=listed(letters), reason=why) for why, letters in reasons.items())


def _sentence(context: Context, known: Mapping[str, VariantCascade], *, whole: bool) -> tuple[Part, ...]:
    """Return what a member brings and what 100 members become, about the subject and the control."""
    subject, control, reading = context.subject, context.control, context.reading
    own, other = known.get(subject.key), known.get(control.key)
    own_r = None if own is None else shown(own.r)
    if own is None or own_r is None:
        return ()
    named = Part(subject.letter, subject.colour)
    number = Part("", number=_brought(subject, own, own_r, "sentence", whole=whole))
    interval = explanations.range_of(_small(own_r.interval.low), _small(own_r.interval.high))
    text = gettext("Each member who saw {variant} brought {number} more ({interval}).")
    parts = filled(text, variant=named, number=number, interval=interval)
    if other and (other_r := shown(other.r)):
        number = Part("", number=_brought(control, other, other_r, "sentence", whole=whole))
        text = gettext("With {variant} it was {number}.")
        parts += (Part(" "), *filled(text, variant=Part(control.letter, control.colour), number=number))
    if not isinstance(own.reach, NotShown):
        number = Part("", number=_hundred(subject, own, reading, "sentence"))
        text = gettext("Every 100 members randomised to {variant} became {number}.")
        parts += (Part(" "), *filled(text, variant=named, number=number))
    return parts


def _row(variant: VariantFacts, row: VariantCascade, reading: Reading, *, whole: bool) -> Row:
    r = shown(row.r)
    if r is None:
        return Row(variant, Number(NOTHING), Number(NOTHING), Number(NOTHING))
    why = gettext(
        "The probability that each member who saw {letter} brings more than one other on average, so that growth "
        "sustains itself as long as there are new people to reach."
    )
    identity = f"word-of-mouth-{variant.key}-spreads"
    spreads = Number(phrases.chance(row.p_viral), why.format(letter=variant.letter), identity)
    return Row(variant, _brought(variant, row, r, whole=whole), spreads, _hundred(variant, row, reading))


def _brought(variant: VariantFacts, row: VariantCascade, r: Estimate, place: str = "row", *, whole: bool) -> Number:
    """Return what a member brings; `whole` where only members with a full window are included."""
    text = ngettext(
        "{members} member who saw {letter} brought {brought} others so far.",
        "{members} members who saw {letter} brought {brought} others so far.",
        row.n,
    )
    recent = gettext("The estimate allows for members who joined too recently to have shared.")
    if whole:
        recent = gettext("Members who joined too recently to have shared are left out.")
    why = (
        text.format(members=count(row.n), letter=variant.letter, brought=count(row.brought)),
        recent,
        explanations.explain_interval(r.interval, _small(r.interval.low), _small(r.interval.high)),
    )
    return Number(_small(r.mean), " ".join(why), f"word-of-mouth-{variant.key}-{place}")


def _hundred(variant: VariantFacts, row: VariantCascade, reading: Reading, place: str = "hundred") -> Number:
    """Return what every 100 members become with their whole cascades."""
    key = f"word-of-mouth-{variant.key}-100{'' if place == 'hundred' else '-' + place}"
    if isinstance(row.reach, NotShown):
        return Number(NOTHING, reading.text(row.reach.reason), key)
    interval = row.reach.interval
    why = gettext("Every 100 members randomised to {letter}, with all members of their cascades (median).")
    low, high = (count(round(100 * bound)) for bound in (interval.low, interval.high))
    why = f"{why.format(letter=variant.letter)} {explanations.explain_interval(interval, low, high)}"
    return Number(count(round(100 * row.reach.median)), why, key)


def _young(rows: Rows, *, whole: bool) -> str:
    """Return how many members joined too recently to have shared, where they are many, and how that is handled."""
    shares = [row.too_young for _, row in rows]
    if not shares or max(shares) < TOO_YOUNG:
        return ""
    low, high = percent(min(shares), 0), percent(max(shares), 0)
    text = gettext("{share} of the members joined too recently to have shared; the figures allow for that.")
    if whole:
        text = gettext("{share} of the members joined too recently to have shared; they are left out here.")
    return text.format(share=high if low == high else explanations.range_of(low, high))


def _picture(variant: VariantFacts, row: VariantCascade | None) -> Picture | None:
    """Return a cascade as large as the largest and as deep as the deepest; None where no member brought another."""
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
    caption = [
        ngettext(
            "The largest cascade of {letter} has {size} members, the deepest goes {steps} step.",
            "The largest cascade of {letter} has {size} members, the deepest goes {steps} steps.",
            drawn.depth,
        ).format(letter=variant.letter, size=count(size), steps=count(drawn.depth)),
        gettext("The drawing has that size and depth; its branches are illustrative."),
    ]
    if not drawn.whole:
        text = gettext("{drawn} of {size} members are drawn.")
        caption.append(text.format(drawn=count(len(drawn.nodes)), size=count(size)))
    alternative = ngettext(
        "Illustration of a cascade of {size} members in {steps} step, as large as the largest of {letter}",
        "Illustration of a cascade of {size} members in {steps} steps, as large as the largest of {letter}",
        drawn.depth,
    ).format(letter=variant.letter, size=count(size), steps=count(drawn.depth))
    return Picture(lines, dots, variant.colour, alternative, " ".join(caption))


def _sizes(rows: Rows) -> Table | None:
    """Return how many cascades have how many members, in classes, a column per variant."""
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
    return Table((gettext("members reached"), *(variant.letter for variant, _ in counted)), tuple(lines))


def _class(low: int, high: int | None) -> str:
    if high == 1:
        return gettext("no one else")
    if high is None:
        return gettext("over {number}").format(number=count(low - 1))
    return count(low) if low == high else explanations.range_of(count(low), count(high))


def _small(number: float) -> str:
    return decimal(number, 2 if number >= 0.1 else 3)
