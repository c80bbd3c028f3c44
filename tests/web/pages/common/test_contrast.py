"""The colours of the style sheet against the contrast that WCAG 2.2 AA asks for, in light and in dark."""

import re
from pathlib import Path

import pytest

SHEET = (Path(__file__).resolve().parents[4] / "web" / "static" / "common" / "base.css").read_text()
TEXT = ("ink", "mute", "burr", "burr-deep", "good", "warn", "bad", *(f"v{number}" for number in range(12)))
GROUNDS = ("paper", "card", "tint", "well")


def tokens(scheme: str) -> dict[str, str]:
    first, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", first if scheme == "light" else dark))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio by WCAG 2.2, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself_gives_the_known_ends():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXT)
def test_text_stands_out_from_every_ground(scheme, ground, text):
    colours = tokens(scheme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_buttons_fields_and_explanations_stand_out(scheme):
    colours = tokens(scheme)
    assert contrast(colours["on-burr"], colours["burr"]) >= 4.5
    assert contrast(colours["on-burr"], colours["burr-deep"]) >= 4.5
    assert contrast(colours["paper"], colours["ink"]) >= 4.5, "explanations are printed the other way round"
    assert contrast(colours["edge"], colours["card"]) >= 3, "the edge of a field is a control"
    assert contrast(colours["edge"], colours["paper"]) >= 3


def test_neighbouring_variants_differ_in_more_than_a_shade():
    for scheme in ("light", "dark"):
        colours = [tokens(scheme)[f"v{number}"] for number in range(12)]
        assert len(set(colours)) == 12
