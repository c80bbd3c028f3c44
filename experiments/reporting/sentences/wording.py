"""From a message to a sentence: the template of its code, in the language in use, filled with its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter
from typing import Any

from analysis.messages import Message, is_message
from experiments.reporting import numbers, phrases
from experiments.reporting.sentences import SENTENCES
from experiments.reporting.sentences.template import Plural, Template
from experiments.translation import gettext, ngettext


@dataclass(frozen=True)
class Wording:
    """How messages of one experiment are put into words.

    Attributes
    ----------
    variants : mapping of variant key to text
        What a variant is called in a sentence, such as ``B “Pack light”``; its key where it is not in here.
    metrics : mapping of metric key to text
        What a metric is called in a sentence; its key in words where it is not in here.
    zone : str
        The time zone in which moments are written.
    currency : str
        Of amounts of money.
    cut_off : datetime or None
        When the data end: a time on that day is written without its date.
    sentences : mapping of code to template, or None
        `SENTENCES` by default.
    """

    variants: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"
    currency: str = ""
    cut_off: datetime | None = None
    sentences: Mapping[str, Template] | None = None

    def text(self, message: Message | str | None) -> str:
        """Return the sentence of a message; a text stays as it is, and nothing is an empty text.

        Raises
        ------
        LookupError
            No template has the message's code.
        """
        if message is None or isinstance(message, str):
            return message or ""
        known = SENTENCES if self.sentences is None else self.sentences
        if message.code not in known:
            raise LookupError(f"No sentence is declared for the message {message.code!r}; add it to a subject.")
        template = known[message.code]
        if isinstance(template, Plural):
            text = ngettext(template.one, template.many, int(message.params[template.by]))
        else:
            text = gettext(template)
        return _Filled(self).vformat(text, (), message.params)

    def worded(self, document: Any) -> Any:
        """Return a JSON document with every message in it replaced by its sentence."""
        if is_message(document):
            return self.text(Message.from_dict(document))
        if isinstance(document, Mapping):
            return {name: self.worded(value) for name, value in document.items()}
        if isinstance(document, list | tuple):
            return [self.worded(value) for value in document]
        return document


class _Filled(Formatter):
    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Message):
            return self._wording.text(value)
        if value is None:
            return numbers.NOTHING
        if way := WAYS.get(format_spec):
            return way(value, self._wording)
        text = str(super().format_field(value, format_spec))
        return numbers.localised(text) if format_spec.startswith(".") else text


def _variant(key: str, wording: Wording) -> str:
    return wording.variants.get(key, key)


def letter(called: str) -> str:
    """Return the letter of a variant from what it is called: ``B`` of ``B “Pack light”`` or ``B Pack light``."""
    return called.partition(" ")[0].removesuffix(",")


def _letter(key: str, wording: Wording) -> str:
    return letter(wording.variants[key]) if key in wording.variants else key


def _metric(key: str, wording: Wording) -> str:
    if not key:
        return gettext("result")
    return wording.metrics.get(key, key.replace("_", " "))


WAYS: Mapping[str, Callable[[Any, Wording], str]] = {
    # names
    "variant": _variant,
    "variants": lambda keys, wording: numbers.listed([_variant(key, wording) for key in keys]),
    "letter": lambda key, wording: _letter(key, wording),
    "letters": lambda keys, wording: numbers.listed([_letter(key, wording) for key in keys]),
    "metric": _metric,
    "metrics": lambda keys, wording: numbers.listed([_metric(key, wording) for key in keys]),
    "list": lambda names, wording: numbers.listed([wording.text(name) for name in names]),
    "sentences": lambda sentences, wording: " ".join(wording.text(sentence) for sentence in sentences),
    # numbers
    "count": lambda number, _: numbers.count(number),
    "number": lambda number, _: numbers.general(number),
    "figure": lambda number, _: numbers.figure(number),
    "small": lambda number, _: phrases.small(number),
    "p_value": lambda p, _: numbers.localised(f"{p:.2g}"),
    # shares: 1 is 100 per cent
    "percent": lambda share, _: numbers.percent(share, 0),
    "percent.1": lambda share, _: numbers.percent(share, 1),
    "plain_percent": lambda share, _: numbers.plain_percent(share),
    "signed_percent": lambda share, _: numbers.signed_percent(share),
    "chance": lambda p, _: phrases.chance(p),
    "of_100": lambda share, _: phrases.of_100(share),
    "threshold": lambda share, _: phrases.threshold(share),
    "lift": lambda share, _: phrases.lift(share),
    "lift_interval": lambda bounds, _: phrases.between(*map(phrases.lift, bounds)),
    # amounts of a metric
    "in_100_members": lambda share, _: phrases.in_100_members(share),
    "per_member": lambda amount, _: phrases.per_member(amount),
    "money": lambda amount, wording: numbers.money(amount, wording.currency),
    "members": lambda number, _: phrases.members(number),
    # times, in microseconds, and spans of time, in days
    "time": lambda at, wording: numbers.when(at, wording.zone),
    "time_of_day": lambda at, wording: numbers.time_of_day(at, wording.zone, wording.cut_off),
    "day": lambda at, wording: numbers.day(at, wording.zone),
    "days": lambda number, _: phrases.days(number),
    "duration": lambda days, _: phrases.duration(days),
    "more_days": lambda number, _: phrases.more_days(number),
    "length": lambda days, _: phrases.length(days),
}
"""The ways in which a parameter may be written, by the name that a template gives behind the colon."""
