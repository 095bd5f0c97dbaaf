"""When a lane is looked at before its floor, and from where on.

There lies what was committed late, and what was claimed in its place and then lost by its worker. A whole sweep begins
where the lane does. While something pins `xmin` it walks over all that was ever claimed: the longer it takes, the
longer it is until the next. Then short ones come between, from where the floor was some time ago, since what was lost
lately was claimed lately.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SWEEPS_SHARE = 30  # of the time that whole sweeps of a lane may take, and short ones, one in so many


@dataclass(slots=True)
class SweepClock:
    """One lane's. `now` is the worker's monotonic clock, in seconds."""

    whole_at: float = float("-inf")
    short_at: float = float("-inf")
    _whole_pause: float = 0
    _short_pause: float = 0
    recent: datetime | None = None  # the floor as it was between one and two times the recent seconds ago
    _next_recent: datetime | None = None
    _marked_at: float = float("-inf")

    def is_due(self, now: float, every: float, *, whole: bool) -> bool:
        """Whether a sweep is, of those that come `every` so many seconds or more rarely; a short one only where whole
        ones are rare."""
        if whole:
            return now - self.whole_at >= self._whole_pause
        return self.recent is not None and self._whole_pause > every and now - self.short_at >= self._short_pause

    def note_floor(self, now: float, floor: datetime, recent: float) -> None:
        """To be told again and again; `recent` is in seconds."""
        if now - self._marked_at >= recent:
            self.recent, self._next_recent, self._marked_at = self._next_recent, floor, now

    def swept(self, now: float, every: float, *, whole: bool, seconds: float) -> None:
        """One has ended, which took so long."""
        pause = max(every, SWEEPS_SHARE * seconds)
        if whole:
            self.whole_at, self._whole_pause = now, pause
        self.short_at, self._short_pause = now, every if whole else pause
