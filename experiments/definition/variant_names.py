"""Names of variants and the description of the audience, as shown on pages, in exports and reports."""

from collections.abc import Mapping
from typing import Protocol

from experiments.definition import targeting
from experiments.definition.documents import ContentDocument
from experiments.translation import N_, gettext, quoted
from experiments.translation.filling import localised

NO_CONTENT = N_("no content here")
NO_HEADLINE = N_("no headline yet")


class Lettered(Protocol):
    """A variant with the letter of its position."""

    @property
    def key(self) -> str: ...

    @property
    def letter(self) -> str: ...

    @property
    def control(self) -> bool: ...


def letter(position: int) -> str:
    """Return the letter of a variant by its position from 0; it is the same everywhere."""
    return chr(ord("A") + position % 26)


def called(name: str, content: ContentDocument) -> str:
    """Return a variant's name, else its headline in quotes, else what is missing."""
    if name:
        return name
    headline = content.get("headline", "")
    if headline:
        return quoted(headline)
    return gettext(NO_HEADLINE if content else NO_CONTENT)


def lettered(position: int, name: str, content: ContentDocument) -> str:
    """Return a variant's letter and name, such as ``B “Meet the makers”`` or ``B, no headline yet``."""
    words = called(name, content)
    separator = " " if name or content.get("headline") else ", "
    return f"{letter(position)}{separator}{words}"


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """Return each variant as in a sentence: its letter, and its name in quotation marks if it has one.

    Parameters
    ----------
    names
        Names by key, in the variants' order; empty where a variant has none.
    """
    letters = {key: letter(position) for position, key in enumerate(names)}
    return {
        key: f"{letters[key]} {quoted(name)}" if name and name.upper() != letters[key] else letters[key]
        for key, name in names.items()
    }


def audience(rule: Mapping[str, object] | None, share: float = 1.0) -> str:
    """Return the audience of an experiment as one sentence.

    Parameters
    ----------
    rule
        The targeting rule in its JSON form; None for all members.
    share
        Share of the eligible members in the experiment, 0 to 1.
    """
    if share <= 0:
        return gettext("No members take part: traffic is 0 %.")
    return _audience_template(rule, share).format(
        percent=localised(f"{share * 100:.4g}"), rule=_rule_text(rule) if rule is not None else ""
    )


def _audience_template(rule: Mapping[str, object] | None, share: float) -> str:
    if rule is None:
        whole, part = N_("All members take part."), N_("{percent} % of all members take part.")
    elif "not" in rule:
        whole = N_("All members take part, except those whose {rule}.")
        part = N_("{percent} % of all members take part, except those whose {rule}.")
    else:
        whole = N_("Members whose {rule} take part.")
        part = N_("{percent} % of the members whose {rule} take part.")
    return gettext(whole if share >= 1 else part)


def _rule_text(rule: Mapping[str, object]) -> str:
    parsed = targeting.parse(rule)
    return targeting.describe(parsed.rule if isinstance(parsed, targeting.Not) else parsed)
