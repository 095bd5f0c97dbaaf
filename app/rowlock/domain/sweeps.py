"""When a lane is looked at before its floor, and from where on.

There lies what was committed late, and what was claimed in its place and then lost by its worker. Where news tell of
the former, a sweep begins at the instant they tell. A whole sweep begins where the lane does, for what no news told.
While something pins `xmin` it walks over all that was ever claimed: the longer it takes, the longer it is until the
next. Then short ones come between, for what was lost lately: they look where the floor was a lease ago, and so pass
each task twice or so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

SHARE = 30  # of the time that sweeps of a lane may take, one in so many: those for news, short ones, and whole ones
WHOLE_SHARE = 100  # the same of whole ones while news come, which tell of what is committed late
NEWS_SECONDS = 0.25  # no more often than that for news


class Sweep(Enum):
    """What a sweep is for."""

    NEWS = "news"
    WHOLE = "whole"
    SHORT = "short"


@dataclass(slots=True)
class News:
    """What was told of a lane that lies before its floor: visible since then, until a sweep that began after the news
    had come has looked."""

    since: datetime | None = None
    count: int = 0

    def told(self, since: datetime) -> None:
        self.since = since if self.since is None else min(self.since, since)
        self.count += 1

    def seen(self, count: int) -> None:
        """By a sweep that began when so much had been told."""
        if count == self.count:
            self.since = None


@dataclass(slots=True)
class Turn:
    """When one kind of sweep was made last, how long it took, and how long until the next."""

    at: float = float("-inf")
    seconds: float = 0
    pause: float = 0

    def is_due(self, now: float) -> bool:
        return now - self.at >= self.pause


@dataclass(slots=True)
class SweepClock:
    """One lane's. `now`, `lease` and `every` are seconds: of the worker's monotonic clock, the length of a lease, and
    what lies between two sweeps at least."""

    news: Turn = field(default_factory=Turn)
    whole: Turn = field(default_factory=Turn)
    short: Turn = field(default_factory=Turn)
    marks: deque[tuple[float, datetime]] | None = None  # what the floor was since when, while whole sweeps are rare
    _covered: float = float("-inf")  # what was claimed before then and is lost has been found

    def turn(self, sweep: Sweep) -> Turn:
        match sweep:
            case Sweep.NEWS:
                return self.news
            case Sweep.WHOLE:
                return self.whole
            case Sweep.SHORT:
                return self.short

    def note_floor(self, now: float, floor: datetime, every: float) -> None:
        """To be told again and again, for short sweeps: there are none where whole ones are not rare."""
        if self.whole.pause <= every:
            self.marks = None
        elif self.marks is None:
            self.marks = deque([(now, floor)])
        elif floor != self.marks[-1][1] and now - self.marks[-1][0] >= every / 4:
            self.marks.append((now, floor))

    def lost_lately(self, now: float, floor: datetime, lease: float, every: float) -> tuple[datetime, datetime] | None:
        """From where to where those tasks lie whose leases may have run out since the last look, and a while longer;
        None where nobody knows, or none do."""
        marks, margin = self.marks, every / 2
        if marks is None or marks[0][0] > now - lease + margin:
            return None
        begins = [mark for at, mark in marks if at <= self._covered - margin] or [marks[0][1]]
        ends = [mark for at, mark in marks if at >= now - lease + margin] or [floor]
        return (begins[-1], ends[0]) if begins[-1] < ends[0] else None

    def swept(self, sweep: Sweep, now: float, *, seconds: float, lease: float, every: float, news_come: bool) -> None:
        """One has ended, which took so long."""
        share = WHOLE_SHARE if news_come and sweep is Sweep.WHOLE else SHARE
        turn = self.turn(sweep)
        turn.at, turn.seconds = now, seconds
        turn.pause = max(NEWS_SECONDS if sweep is Sweep.NEWS else every, share * seconds)
        if sweep is Sweep.NEWS:
            return
        self.short.at = now
        self._covered = now - seconds - lease
        while self.marks and len(self.marks) > 1 and self.marks[1][0] <= self._covered - every / 2:
            self.marks.popleft()

    def hurry(self, every: float) -> None:
        """News may have been missed: the next whole sweep is due as if none came."""
        self.whole.pause = min(self.whole.pause, max(every, SHARE * self.whole.seconds))
