"""How much a worker claims beyond what it may run at once.

Where handlers are quick, all that was claimed has ended before the next claim is answered. Claims are many and small
then, and half of what they cost is for the statement instead of its tasks. So a worker claims ahead what it will have
begun within a moment, by the pace at which its attempts ended just now. Where handlers take long that is nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """One worker's. `ahead_seconds` is how long a task may wait here until it is begun, as things go."""

    def __init__(self, ahead_seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ahead_seconds = ahead_seconds
        self._monotonic = monotonic
        self._since = monotonic()
        self._ended = 0
        self._ahead = 0

    def ended(self) -> None:
        """An attempt has ended."""
        self._ended += 1

    def ahead(self) -> int:
        """So many attempts end in that time, as of the last time for which it could be told."""
        now = self._monotonic()
        passed = now - self._since
        if passed > self._ahead_seconds:
            self._ahead = int(self._ended * self._ahead_seconds / passed)
            self._since, self._ended = now, 0
        return self._ahead
