"""What every trigger is: a pure function from an instant to the windows after it.

Being pure, it gives every scheduler, on every machine and after any failover, the same windows.
Windows are aware UTC instants. The base is APScheduler 3's, so its schedulers run triggers too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

_INSTANT = timedelta(microseconds=1)


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
    def describe(self) -> str:
        """The rule in English."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """APScheduler's question: the window after the previous one, else the first from `now`."""
        start = now - _INSTANT if previous_fire_time is None else previous_fire_time
        return next(self.windows_after(start), None)
