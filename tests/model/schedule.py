"""One schedule as the reference knows it: a window every so often, and what is to become of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

GRACE = timedelta(seconds=60)  # a window that has been due for longer is missed
FIRED = "fired"


@dataclass
class Schedule:
    """`cursor` is the last window that is accounted for."""

    id: UUID
    tenant: str
    queue: str
    every: timedelta
    cursor: datetime
    policy: str
    overlap: str
    max_catch_up: int

    @property
    def lane(self) -> str:
        """Tasks that may not overlap have one of their own."""
        return self.tenant if self.overlap == "allow" else f"{self.tenant}/schedule:{self.id}"

    def due(self, now: datetime) -> list[datetime]:
        return [self.cursor + n * self.every for n in range(1, (now - self.cursor) // self.every + 1)]

    def fates(self, now: datetime, *, busy: bool) -> dict[datetime, str]:
        """Of each window that is due: it has fired, or the reason why it has not. `busy` is whether a task of the
        schedule is not finished."""
        due = self.due(now)
        fates = {window: self._missed(window, due, now) or FIRED for window in due}
        if self.overlap == "skip":
            for window in [window for window in due if fates[window] == FIRED]:
                fates[window] = "overlap" if busy else FIRED
                busy = True
        return fates

    def _missed(self, window: datetime, due: list[datetime], now: datetime) -> str | None:
        if self.policy == "latest_only":
            return None if window == due[-1] else "superseded"
        if window >= now - GRACE:
            return None
        if self.policy == "skip":
            return "missed"
        return None if window in due[max(0, len(due) - self.max_catch_up) :] else "beyond_max_catch_up"
