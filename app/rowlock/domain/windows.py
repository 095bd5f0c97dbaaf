"""Which windows of a schedule fire now, which are skipped and why, and how far the cursor moves.

The plan is a pure function of the cursor and the clock: whoever computes it, and however often a
leader dies half-way, each window is accounted for once, in order. The cursor is the last window
accounted for. A plan's cost is bounded, however long the schedule was not looked at: it lists
`limit` windows at most, and passes over a longer run of skipped ones in one step (`passed_over`).
When `next_at` is not later than now, there is more to do at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import Trigger

_INSTANT = timedelta(microseconds=1)
MAX_CATCH_UP = 10_000  # as the table has it: more is a backfill, not a catch-up


class MissedRunPolicy(StrEnum):
    """What becomes of windows that nobody looked at in time."""

    CATCH_UP = "catch_up"  # each one fires, in order; at most the newest max_catch_up
    LATEST_ONLY = "latest_only"  # one fires for all of them, the newest
    SKIP = "skip"  # none fires, once it is older than the grace


class SkipReason(StrEnum):
    """Why a window did not fire."""

    BEYOND_MAX_CATCH_UP = "beyond_max_catch_up"
    SUPERSEDED = "superseded"
    MISSED = "missed"


_REASONS = {
    MissedRunPolicy.CATCH_UP: SkipReason.BEYOND_MAX_CATCH_UP,
    MissedRunPolicy.LATEST_ONLY: SkipReason.SUPERSEDED,
    MissedRunPolicy.SKIP: SkipReason.MISSED,
}


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
    grace: timedelta = timedelta(seconds=60),
) -> WindowPlan:
    """Accounts for the windows later than `cursor` and not later than `now`, `limit` at most.

    The newest window fires under every policy if it is not older than `grace`.
    """
    if not 0 <= max_catch_up <= MAX_CATCH_UP:
        raise InvalidArgument(
            f"The field max_catch_up is {shown(max_catch_up)}, but must be 0 to {MAX_CATCH_UP}.",
            field="max_catch_up",
        )
    if limit < 1:
        raise InvalidArgument(f"The field limit is {limit}, but must be 1 at least.", field="limit")
    ahead = _ahead(trigger, cursor, now, limit + 1)
    due = [window for window in ahead if window <= now]
    if not due:
        return WindowPlan(cursor, ahead[0] if ahead else None)

    def newest(n: int) -> list[datetime]:
        if len(due) <= limit:
            return due[-n:]
        return trigger.newest_windows(after=cursor, until=now, n=n)

    listed = due[:limit]
    first = _first_to_fire(newest, policy, max_catch_up, on_time=now - grace)
    cut = len(listed) if first is None else bisect_left(listed, first)
    reason = _REASONS[policy]
    passed_over = None
    if cut == limit < len(due):
        passed_over = _pass_over(trigger, listed[-1], now, first, reason)
    reached = listed[-1] if passed_over is None else passed_over.through
    known = ahead[len(listed) :] if passed_over is None else []
    return WindowPlan(
        cursor=reached,
        next_at=known[0] if known else next(trigger.windows_after(reached), None),
        fire=listed[cut:],
        skip=[(window, reason) for window in listed[:cut]],
        passed_over=passed_over,
    )


def _ahead(trigger: Trigger, cursor: datetime, now: datetime, most: int) -> list[datetime]:
    """The windows after the cursor up to the first that is not due yet, `most` of them at most."""
    found = []
    for window in islice(trigger.windows_after(cursor), most):
        found.append(window)
        if window > now:
            break
    return found


def _first_to_fire(
    newest: Callable[[int], list[datetime]],
    policy: MissedRunPolicy,
    max_catch_up: int,
    on_time: datetime,
) -> datetime | None:
    """The instant from which on due windows fire; None if none does."""
    if policy == MissedRunPolicy.SKIP:
        return on_time
    if policy == MissedRunPolicy.CATCH_UP and max_catch_up > 0:
        return newest(max_catch_up)[0]
    latest = newest(1)[0]
    fires = policy == MissedRunPolicy.LATEST_ONLY or latest >= on_time
    return latest if fires else None


def _pass_over(
    trigger: Trigger, listed: datetime, now: datetime, first: datetime | None, reason: str
) -> PassedOver | None:
    """The run of skipped windows between the last one listed and the first one to fire."""
    until = now if first is None else min(now, first - _INSTANT)
    through = trigger.newest_windows(after=listed, until=until, n=1)
    return PassedOver(listed, through[0], reason) if through else None
