"""Flags of events that may not be a member's own doing: they are stored, counted and shown, and do not count.

An event has one flag or none. The numbers are stored.
"""

from typing import Final

BOT: Final = 1
"""The app marks it: ``properties.bot`` is true."""

SCANNER: Final = 2
"""Made by a known crawler, link previewer or mail scanner."""

EMAIL_CLICK: Final = 3
"""A click in an e-mail: it counts, unless a scanner must have made it (`experiments.collect.aside`)."""

EMAIL: Final = "email"
"""The value of ``properties.channel`` for e-mail; ``e-mail`` and capitals mean the same."""
