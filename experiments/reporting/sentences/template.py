"""What a template of a sentence may hold: names of parameters, each with the way in which it is written.

``"{variant:variant} leads with a chance of {chance:chance} to be best."``: the part behind the colon is a key of
`experiments.reporting.sentences.wording.WAYS`. A template whose words depend on a number is a `Plural`.
"""

from typing import NamedTuple


class Plural(NamedTuple):
    """Two forms of a sentence, chosen by the parameter `by`; both are marked for translation by being declared here."""

    one: str
    many: str
    by: str


Template = str | Plural


def plural(one: str, many: str, by: str) -> Plural:
    """Declare a sentence with a singular and a plural form (gettext's keyword for extraction)."""
    return Plural(one, many, by)
