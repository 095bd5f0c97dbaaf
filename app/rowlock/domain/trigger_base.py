"""What every trigger is: a pure function from an instant to the windows after it.

Being pure, it gives every scheduler, on every machine and after any failover, the same windows.
Windows are aware UTC instants, and a window's instant is its identity. When a window fires is
another matter: `fire_at` is the window itself, or a little later where the schedule has jitter,
but always before the next window. So windows come due in their own order, one by one.

The base is APScheduler 3's, so its schedulers run triggers too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

INSTANT = timedelta(microseconds=1)  # the finest step that windows take


class Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler carries no types
    """A rule that has windows."""

    __slots__ = ()

    @abstractmethod
    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        """The windows strictly after `instant`, in rising order, computed one by one as asked."""

    @abstractmethod
    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        """The newest `n` windows that are later than `after` and not later than `until`, in rising
        order. The cost grows with `n`, not with the number of windows in between."""

    @abstractmethod
    def shortest_gap(self, sample: int, /) -> timedelta:
        """The shortest time between two windows by the clock on the wall, where a rule is not
        regular among about `sample` of its days; `timedelta.max` if there are no two."""

    @abstractmethod
    def describe(self) -> str:
        """The rule in English."""

    def fire_at(self, window: datetime) -> datetime:
        """When `window` is due: not before it, and before the window after it."""
        return window

    def due_until(self, now: datetime) -> datetime:
        """The windows that are not later than this are those due at `now`."""
        return now

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """APScheduler's question: the firing after the previous one, else the first from `now`."""
        start = self.due_until(now - INSTANT) if previous_fire_time is None else previous_fire_time
        window = next(self.windows_after(start), None)
        return None if window is None else self.fire_at(window)
