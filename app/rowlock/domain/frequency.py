"""The floor under schedules' frequency: a rule that comes too often is refused before it is stored."""

from __future__ import annotations

from datetime import datetime, timedelta

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import Trigger

FLOOR = timedelta(minutes=1)
FLOOR_WITH_SECONDS = timedelta(seconds=1)  # the scheduler looks about once a second
SAMPLE = 100


def shortest_gap(trigger: Trigger, *, sample: int = SAMPLE) -> timedelta:
    """The shortest time between two windows, by the clock on the wall: that a change of clocks brings
    two of them nearer once a year does not count. `timedelta.max` if there are no two.

    Cron rules are analysed, not tried: only for how near two of their days are, `sample` of those
    are looked at.
    """
    return trigger.shortest_gap(sample)


def check_frequency(trigger: Trigger, floor: timedelta = FLOOR, *, allow_seconds: bool) -> None:
    """Raises `InvalidArgument` (field `expression`) if windows come more often than the floor.

    Windows less than a minute apart must be allowed explicitly, by `allow_seconds`; then one second
    takes the place of the usual floor. Any other floor binds as it is.
    """
    lowest = max(floor, FLOOR)
    if allow_seconds:
        lowest = FLOOR_WITH_SECONDS if floor == FLOOR else floor
    gap = shortest_gap(trigger)
    if gap < lowest:
        advice = "allow seconds, or choose a rarer rule" if lowest == FLOOR else "choose a rarer rule"
        raise InvalidArgument(
            f"The expression comes every {gap} at its closest, but the floor is {lowest}: {advice}.",
            field="expression",
        )


def check_comes(trigger: Trigger, after: datetime) -> datetime:
    """The first window after an instant. Raises `InvalidArgument` (field `expression`) if there is none."""
    window = next(trigger.windows_after(after), None)
    if window is None:
        raise InvalidArgument(f"The expression never comes again after {after}.", field="expression")
    return window
