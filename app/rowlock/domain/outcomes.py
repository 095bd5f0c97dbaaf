"""What a handler may raise to say how its attempt ends, other than by returning or failing."""

from __future__ import annotations

from datetime import timedelta


class Outcome(Exception):
    """Base of the outcomes that a handler raises on purpose."""


class Retry(Outcome):
    """Try again: the attempt is spent. `after`, a timedelta or seconds, overrides the handler's backoff."""

    def __init__(
        self, reason: str = "The handler asked for a retry.", *, after: timedelta | float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = _span(after)


class Fail(Outcome):
    """Give up at once: the task goes to the dead letters, whatever attempts are left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Snooze(Outcome):
    """Not yet: run again after `for_`, a timedelta or seconds, without spending an attempt."""

    def __init__(self, for_: timedelta | float, reason: str = "The handler snoozed.") -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_ = _span(for_)


class Cancel(Outcome):
    """The work is no longer wanted: the task ends as cancelled."""

    def __init__(self, reason: str = "The handler cancelled its task.") -> None:
        super().__init__(reason)
        self.reason = reason


def _span(given: object) -> object:
    """As a timedelta what is one or a number of seconds; anything else as it is, for the decision to refuse."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return given
    try:
        return timedelta(seconds=given)
    except (ValueError, OverflowError):  # not a number, or longer than a timedelta can be
        return timedelta.max if given > 0 else timedelta(0) if given < 0 else given
