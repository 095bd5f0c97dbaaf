"""Pauses between tries that grow, and differ from process to process, so that they do not come in step."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Doubles from `first_seconds` to `longest_seconds`; each pause is 50 to 100 % of that, at random."""

    def __init__(
        self, first_seconds: float, longest_seconds: float, *, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first = first_seconds
        self._longest = longest_seconds
        self._uniform = uniform
        self._next = first_seconds

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        present, self._next = self._next, min(self._longest, self._next * 2)
        return present * self._uniform(0.5, 1)

    def reset(self) -> None:
        """The last try succeeded."""
        self._next = self._first
