"""From a message to a sentence: the template of its code, in the language in use, filled with its parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from analysis.messages import Message, is_message
from experiments.reporting import numbers
from experiments.reporting.sentences import SENTENCES
from experiments.reporting.sentences.template import Plural, Template
from experiments.reporting.translation import gettext, ngettext


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
    sentences : mapping of code to template, or None
        `SENTENCES` by default.
    """

    variants: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"
    currency: str = ""
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
        way = WAYS.get(format_spec)
        return str(super().format_field(value, format_spec)) if way is None else way(value, self._wording)


def listed(names: Sequence[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``, in the language in use."""
    if len(names) < 2:
        return "".join(names)
    return gettext("{first} and {last}").format(first=", ".join(names[:-1]), last=names[-1])


def _variant(key: str, wording: Wording) -> str:
    return wording.variants.get(key, key)


def letter(called: str) -> str:
    """Return the letter of a variant from what it is called: ``B`` of ``B “Pack light”``."""
    return called.partition(" “")[0]


def _metric(key: str, wording: Wording) -> str:
    return wording.metrics.get(key, key.replace("_", " "))


WAYS: Mapping[str, Callable[[Any, Wording], str]] = {
    "variant": _variant,
    "variants": lambda keys, wording: listed([_variant(key, wording) for key in keys]),
    "letter": lambda key, wording: letter(_variant(key, wording)),
    "letters": lambda keys, wording: listed([letter(_variant(key, wording)) for key in keys]),
    "metric": _metric,
    "metrics": lambda keys, wording: listed([_metric(key, wording) for key in keys]),
    "list": lambda names, wording: listed([wording.text(name) for name in names]),
    "count": lambda number, _: numbers.count(number),
    "time": lambda at, wording: numbers.when(at, wording.zone),
    "day": lambda at, wording: numbers.day(at, wording.zone),
    "money": lambda amount, wording: numbers.money(amount, wording.currency),
}
"""The ways in which a parameter may be written, by the name that a template gives behind the colon."""
