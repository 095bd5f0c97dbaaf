"""What a handler may raise to say how its attempt ends, other than by returning or failing."""

from __future__ import annotations

from datetime import timedelta


class Outcome(Exception):
    """Base of the outcomes that a handler raises on purpose."""


class Retry(Outcome):
    """Try again: the attempt is spent. `after` overrides the handler's backoff."""

    def __init__(self, reason: str = "The handler asked for a retry.", *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Fail(Outcome):
    """Give up at once: the task goes to the dead letters, whatever attempts are left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Snooze(Outcome):
    """Not yet: run again after `for_`, without spending an attempt."""

    def __init__(self, for_: timedelta, reason: str = "The handler snoozed.") -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_ = for_


class Cancel(Outcome):
    """The work is no longer wanted: the task ends as cancelled."""

    def __init__(self, reason: str = "The handler cancelled its task.") -> None:
        super().__init__(reason)
        self.reason = reason
