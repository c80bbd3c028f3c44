"""The variants of a file: their names as written, each with a valid key."""

from collections.abc import Sequence

from experiments.importing.plan import MOST_VARIANTS
from experiments.importing.values import match_name, slug
from experiments.translation import gettext

MAX_NAME = 120


class Variants:
    """The variants read so far: their names in order of appearance, each with a valid key.

    Parameters
    ----------
    planned
        Allowed names; any name if empty. A file may write a name in another case, as long as it does so in every row.
    """

    def __init__(self, planned: Sequence[str] = ()) -> None:
        self.planned = tuple(planned)
        self.keys: dict[str, str] = {}
        self._keys_as_written: dict[str, str] = {}  # the spelling in the file -> key
        self._spelling: dict[str, str] = {}  # planned name -> its spelling in the file
        for name in planned:
            self._add(name)

    def key(self, name: str) -> str:
        """Return the key of a variant's name; add the variant if it is new.

        Raises
        ------
        ValueError
            The name is empty, unknown, too long, spelled in two ways, or one more than an experiment can have.
        """
        known = self._keys_as_written.get(name)
        if known is not None:
            return known
        if not name:
            raise ValueError(gettext("the variant is empty; enter the variant that the member saw"))
        if self.planned:
            self._keys_as_written[name] = self._planned_key(name)
            return self._keys_as_written[name]
        if not name.isprintable():
            message = gettext("the variant {name!r} contains a line break or control character; remove it")
            raise ValueError(message.format(name=name))
        if len(name) > MAX_NAME:
            message = gettext("the variant's name has {length} characters; the maximum is {most}")
            raise ValueError(message.format(length=len(name), most=MAX_NAME))
        if len(self.keys) >= MOST_VARIANTS:
            message = gettext(
                "{name!r} would be variant {number}; an experiment has 2 to {most}. Check that this is the right column"
            )
            raise ValueError(message.format(name=name, number=MOST_VARIANTS + 1, most=MOST_VARIANTS))
        self._keys_as_written[name] = self._add(name)
        return self._keys_as_written[name]

    def _planned_key(self, name: str) -> str:
        planned = match_name(name, self.planned)
        if planned is None:
            message = gettext("{name!r} is not a variant of this experiment; its variants are {variants}")
            raise ValueError(message.format(name=name, variants=", ".join(self.planned)))
        spelling = self._spelling.setdefault(planned, name)
        if spelling != name:
            # Two spellings can be two variants, so they are never merged automatically.
            message = gettext("the variant {spelling!r} is spelled {name!r} here; use one spelling in every row")
            raise ValueError(message.format(spelling=spelling, name=name))
        return self.keys[planned]

    def _add(self, name: str) -> str:
        self.keys[name] = slug(name, set(self.keys.values()))
        return self.keys[name]
