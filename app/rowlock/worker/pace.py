"""How much a worker claims beyond what it may run at once, and whether what it holds ends within a moment.

Where handlers are quick, all that was claimed has ended before the next claim is answered. Claims are many and small
then, and half of what they cost is for the statement instead of its tasks. So a worker claims ahead what it will have
begun within a moment, by the pace at which its attempts ended just now. Where handlers take long that is nothing. And
only a quick worker claims tasks in their places: claims walk over all that lies there and runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

QUICK_SECONDS = 0.25


class Pace:
    """One worker's. `ahead_seconds` is how long a task may wait here until it is begun, as things go."""

    def __init__(self, ahead_seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ahead_seconds = ahead_seconds
        self._monotonic = monotonic
        self._ended = 0
        self._since, self._ended_before = monotonic(), 0
        self._ahead = 0
        self._quick, self._quick_since, self._ended_by_then = True, self._since, 0

    def ended(self) -> None:
        """An attempt has ended."""
        self._ended += 1

    def ahead(self) -> int:
        """So many attempts end in that time, as of the last time for which it could be told."""
        now = self._monotonic()
        passed = now - self._since
        if passed > self._ahead_seconds:
            self._ahead = int((self._ended - self._ended_before) * self._ahead_seconds / passed)
            self._since, self._ended_before = now, self._ended
        return self._ahead

    def is_quick(self, held: int) -> bool:
        """Whether as many attempts ended lately within a quarter of a second as are held now. With nothing at hand that
        is believed, until so much time has passed."""
        now = self._monotonic()
        passed = now - self._quick_since
        if not held or passed > QUICK_SECONDS:
            self._quick = not held or (self._ended - self._ended_by_then) * QUICK_SECONDS >= held * passed
            self._quick_since, self._ended_by_then = now, self._ended
        return self._quick
