"""A rule with a start or an end: windows outside of them do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from rowlock.domain.bounds import EARLIEST, LATEST, check_run_at
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import INSTANT, Trigger


@dataclass(frozen=True, slots=True)
class BoundedTrigger(Trigger):
    """The windows of `rule` from `starts_at` to `ends_at`, both included."""

    rule: Trigger
    starts_at: datetime = EARLIEST
    ends_at: datetime = LATEST

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        windows = self.rule.windows_after(max(instant, self.starts_at - INSTANT))
        return takewhile(lambda window: window <= self.ends_at, windows)

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        after, until = max(after, self.starts_at - INSTANT), min(until, self.ends_at)
        return self.rule.newest_windows(after=after, until=until, n=n)

    def shortest_gap(self, sample: int, /) -> timedelta:
        return self.rule.shortest_gap(sample)

    def describe(self) -> str:
        """The rule's words, then such as `, from 2026-03-01 00:00:00+00:00, until ...`."""
        start = f", from {self.starts_at}" if self.starts_at > EARLIEST else ""
        end = f", until {self.ends_at}" if self.ends_at < LATEST else ""
        return f"{self.rule.describe()}{start}{end}"


def bounded(rule: Trigger, starts_at: datetime | None, ends_at: datetime | None) -> Trigger:
    """`rule` within its bounds, or `rule` itself where there are none. Raises `InvalidArgument` for
    bounds that are no instants, or in the wrong order. That they leave no window is for
    `check_left` to say: a stored rule of which none is left is a rule all the same."""
    if starts_at is None and ends_at is None:
        return rule
    start = EARLIEST if starts_at is None else check_run_at(starts_at, field="starts_at")
    end = LATEST if ends_at is None else check_run_at(ends_at, field="ends_at")
    if end < start:
        field = "starts_at" if ends_at is None else "ends_at"
        raise InvalidArgument(f"The field ends_at is {end}, but must not be before starts_at, {start}.", field=field)
    return BoundedTrigger(rule, start, end)


def check_left(trigger: Trigger, starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raises `InvalidArgument` where these bounds, which the trigger has, leave no window of it."""
    if starts_at is None and ends_at is None:
        return
    start, end = starts_at or EARLIEST, ends_at or LATEST
    if next(trigger.windows_after(start - INSTANT), None) is None:
        raise InvalidArgument(
            f"The rule never comes from {start} to {end}: no window is left of it.",
            field="starts_at" if ends_at is None else "ends_at",
        )
