"""The rate limit per API key, counted in each process's memory by the `limits` library."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from experiments.errors import SettingsError, TooManyRequestsError


def parse_limit(written: str) -> RateLimitItem:
    """Read a limit such as ``6000/minute``.

    Raises
    ------
    SettingsError
        Where it cannot be read.
    """
    try:
        return parse(written)
    except ValueError:
        raise SettingsError(f'{written!r} is no limit; write a number and a span, such as "6000/minute".') from None


class KeyLimiter:
    """Counts the calls of each key and refuses those over the limit.

    Parameters
    ----------
    written
        A number and a span, such as ``6000/minute``.
    """

    def __init__(self, written: str) -> None:
        self._limit = parse_limit(written)
        self._counts = FixedWindowRateLimiter(MemoryStorage())

    def check(self, key_hash: str) -> None:
        """Count one call of a key.

        Raises
        ------
        TooManyRequestsError
            Where it is one too many; ``retry_after`` says in how many seconds the next is welcome.
        """
        if self._counts.hit(self._limit, key_hash):
            return
        reset = self._counts.get_window_stats(self._limit, key_hash).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise TooManyRequestsError(
            f"This key has used up its {self._limit} for now; send it again in {wait} seconds.", retry_after=wait
        )
