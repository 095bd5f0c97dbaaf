"""Which windows of a schedule fire now, which are skipped and why, and how far the cursor moves.

The plan is a pure function of the cursor and the clock: whoever computes it, and however often a
leader dies half-way, each window is accounted for once, in order. The cursor is the last window
accounted for. A window is due from its `fire_at` on, and missed once that is further back than
the grace; both come to windows in their order, so due and missed windows are always the oldest.

A plan's cost is bounded, however long the schedule was not looked at: it lists `limit` windows at
most, and passes over a longer run of skipped ones in one step (`passed_over`). When `next_at` is
not later than now, there is more to do at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NoReturn

from rowlock.domain.bounds import MAX_DELAY, shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import INSTANT, Trigger

MAX_CATCH_UP = 10_000  # as the table has it: more is a backfill, not a catch-up
MISFIRE_GRACE = timedelta(seconds=60)


class MissedRunPolicy(StrEnum):
    """What becomes of windows that nobody looked at in time."""

    CATCH_UP = "catch_up"  # each one fires, in order, unless there are too many or they are too old
    LATEST_ONLY = "latest_only"  # of all that are due one fires, the newest
    SKIP = "skip"  # none fires once it is missed


class SkipReason(StrEnum):
    """Why a window did not fire."""

    BEYOND_CATCH_UP_WINDOW = "beyond_catch_up_window"
    BEYOND_MAX_CATCH_UP = "beyond_max_catch_up"
    SUPERSEDED = "superseded"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """All windows later than `after` and not later than `through` were skipped, unlisted."""

    after: datetime
    through: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """What one tick does for one schedule. Skipped windows are older than those that fire."""

    cursor: datetime
    next_at: datetime | None
    fire: list[datetime] = field(default_factory=list)
    skip: list[tuple[datetime, str]] = field(default_factory=list)
    passed_over: PassedOver | None = None


def decide_windows(
    trigger: Trigger,
    *,
    cursor: datetime,
    now: datetime,
    policy: MissedRunPolicy,
    max_catch_up: int,
    limit: int = 100,
    misfire_grace: timedelta = MISFIRE_GRACE,
    catch_up_window: timedelta | None = None,
    due_since: datetime | None = None,
) -> WindowPlan:
    """Accounts for the windows later than `cursor` that are due, `limit` at most, the oldest first.

    A window is missed once it has been due for longer than `misfire_grace`. `skip` fires those that
    are not. `catch_up` fires these too, and of the missed ones those among the newest `max_catch_up`
    of all, and due for no longer than `catch_up_window` where that is given. `latest_only` fires the
    newest window, whether it is missed or not. What was newest at `due_since` had waited for a jitter
    that was shortened then: it has been due from then on, not from its own time. A plan's `next_at`
    is when the window after its cursor is due: the database's index of what is due goes by it.
    """
    _check(max_catch_up, limit, misfire_grace, catch_up_window)
    due_until = trigger.due_until(now)
    ahead = _ahead(trigger, cursor, due_until, limit + 1)
    due = [window for window in ahead if window <= due_until]
    if not due:
        return WindowPlan(cursor, _fire_at(trigger, ahead))
    backlog = _Backlog(trigger, cursor, due_until, due, whole=len(due) <= limit)
    if policy == MissedRunPolicy.LATEST_ONLY:
        return _plan(backlog, backlog.all_but_the_newest(), limit, ahead)
    missed = _due_before(trigger, now - misfire_grace)
    if due_since is not None and due_since >= now - misfire_grace:
        waited = trigger.newest_windows(after=cursor, until=due_since, n=1)
        missed = min([missed, *(window - INSTANT for window in waited)])
    if policy == MissedRunPolicy.SKIP:
        return _plan(backlog, [(missed, SkipReason.MISSED)], limit, ahead)
    too_old = cursor if catch_up_window is None else min(missed, _due_before(trigger, now - catch_up_window))
    return _plan(backlog, backlog.beyond_catch_up(missed, too_old, max_catch_up), limit, ahead)


_Runs = list[tuple[datetime, SkipReason]]  # up to each instant, what is left is skipped for that reason


@dataclass(frozen=True, slots=True)
class _Backlog:
    """The windows due: `oldest` are all of them, or their head."""

    trigger: Trigger
    cursor: datetime
    until: datetime
    oldest: list[datetime]
    whole: bool

    def newest(self, n: int, *, after: datetime, until: datetime) -> list[datetime]:
        if self.whole:
            return [window for window in self.oldest if after < window <= until][-n:]
        return self.trigger.newest_windows(after=after, until=until, n=n)

    def all_but_the_newest(self) -> _Runs:
        latest = self.newest(1, after=self.cursor, until=self.until)[0]
        return [(latest - INSTANT, SkipReason.SUPERSEDED)]

    def beyond_catch_up(self, missed: datetime, too_old: datetime, most: int) -> _Runs:
        kept = self.newest(most, after=max(too_old, self.cursor), until=self.until) if most else []
        too_many = missed if most == 0 else kept[0] - INSTANT if len(kept) == most else too_old
        return [
            (too_old, SkipReason.BEYOND_CATCH_UP_WINDOW),
            (min(missed, too_many), SkipReason.BEYOND_MAX_CATCH_UP),
        ]


def _plan(backlog: _Backlog, skipped: _Runs, limit: int, ahead: list[datetime]) -> WindowPlan:
    listed = backlog.oldest[:limit]
    skip: list[tuple[datetime, str]] = []
    run = None
    for window in listed:
        run = next((run for run in skipped if window <= run[0]), None)
        if run is None:
            break
        skip.append((window, run[1]))
    passed_over = None
    if run is not None and not backlog.whole:
        passed_over = _pass_over(backlog, listed[-1], *run)
    reached = listed[-1] if passed_over is None else passed_over.through
    known = ahead[len(listed) :] if passed_over is None else []
    return WindowPlan(
        cursor=reached,
        next_at=_fire_at(backlog.trigger, known or islice(backlog.trigger.windows_after(reached), 1)),
        fire=listed[len(skip) :],
        skip=skip,
        passed_over=passed_over,
    )


def _pass_over(backlog: _Backlog, listed: datetime, through: datetime, reason: SkipReason) -> PassedOver | None:
    """What is left of the run of skipped windows after the last one listed."""
    newest = backlog.trigger.newest_windows(after=listed, until=through, n=1)
    return PassedOver(listed, newest[0], reason) if newest else None


def _due_before(trigger: Trigger, instant: datetime) -> datetime:
    """The windows that are not later than this were due before `instant`."""
    return trigger.due_until(instant - INSTANT)


def _ahead(trigger: Trigger, cursor: datetime, due_until: datetime, most: int) -> list[datetime]:
    """The windows after the cursor up to the first that is not due yet, `most` of them at most."""
    found = []
    for window in islice(trigger.windows_after(cursor), most):
        found.append(window)
        if window > due_until:
            break
    return found


def _fire_at(trigger: Trigger, windows: Iterable[datetime]) -> datetime | None:
    """When the first of the windows is due."""
    window = next(iter(windows), None)
    return None if window is None else trigger.fire_at(window)


def _check(max_catch_up: int, limit: int, misfire_grace: timedelta, catch_up_window: timedelta | None) -> None:
    if not 0 <= max_catch_up <= MAX_CATCH_UP:
        _refuse("max_catch_up", max_catch_up, f"must be 0 to {MAX_CATCH_UP}")
    if limit < 1:
        _refuse("limit", limit, "must be 1 at least")
    for name, span in (("misfire_grace", misfire_grace), ("catch_up_window", catch_up_window)):
        if span is not None and not timedelta(0) <= span <= MAX_DELAY:
            _refuse(name, span, f"must be 0 to {MAX_DELAY.days} days")


def _refuse(name: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgument(f"The field {name} is {shown(value)}, but {rule}.", field=name)
