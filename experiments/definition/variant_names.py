"""Words that people on our side read about an experiment: how a variant is called, and who takes part."""

from collections.abc import Mapping
from typing import Any, Protocol

from experiments.definition import targeting

NO_CONTENT = "no content here"
NO_HEADLINE = "no headline yet"


class Lettered(Protocol):
    """A variant as any reader knows it: by its letter, which its position gives it."""

    @property
    def key(self) -> str: ...

    @property
    def letter(self) -> str: ...

    @property
    def control(self) -> bool: ...


def letter(position: int) -> str:
    """The letter that a variant keeps everywhere, by its position from 0."""
    return chr(ord("A") + position % 26)


def called(name: str, content: Mapping[str, Any]) -> str:
    """What a variant is called beside its letter: its name, its headline in quotes, or what is missing."""
    if name:
        return name
    headline = str(content.get("headline") or "")
    if headline:
        return f"“{headline}”"
    return NO_HEADLINE if content else NO_CONTENT


def lettered(position: int, name: str, content: Mapping[str, Any]) -> str:
    """The letter and what goes with it, such as ``B “Meet the makers”`` or ``B, no headline yet``."""
    words = called(name, content)
    between = ", " if words in (NO_CONTENT, NO_HEADLINE) else " "
    return f"{letter(position)}{between}{words}"


def audience(rule: Mapping[str, Any] | None, share: float = 1.0) -> str:
    """Who takes part, as one sentence.

    Parameters
    ----------
    rule
        The targeting rule in its JSON form; None for everybody.
    share
        Share of the eligible members that is admitted; 1 is all.
    """
    if share <= 0:
        return "Nobody takes part: traffic is 0 %."
    part = "" if share >= 1 else f"{share * 100:.4g} % of "
    if rule is None:
        return f"{part}all members take part." if part else "Everybody takes part."
    parsed = targeting.parse(rule)
    if isinstance(parsed, targeting.Not):
        others = f"members whose {targeting.describe(parsed.rule)}"
        return f"{part}all members take part, except {others}." if part else f"Everybody takes part, except {others}."
    who = f"embers whose {targeting.describe(parsed)}"
    return f"{part}the m{who} take part." if part else f"M{who} take part."
