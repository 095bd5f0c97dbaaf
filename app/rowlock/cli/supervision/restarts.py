"""How long a supervisor waits before it starts a child again: longer each time, until one has lived for a while."""

from __future__ import annotations

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 30.0


class Restarts:
    """The pauses of one child."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS

    def pause_after(self, lived_seconds: float) -> float:
        """Seconds to wait after a life of that length."""
        if lived_seconds >= SETTLED_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        pause = self._pause
        self._pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
        return pause
