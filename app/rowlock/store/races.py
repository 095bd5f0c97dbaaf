"""Races that were lost to another transaction: nothing was stored, so the same is sent again at once, a few times."""

from __future__ import annotations

from typing import Any

import tenacity

from rowlock.domain.errors import DatabaseUnavailable

TRIES = 4


def lost_race(error: BaseException) -> bool:
    """Whether PostgreSQL took everything back in favour of another transaction (40001, 40P01), or of a migration."""
    return isinstance(error, DatabaseUnavailable) and error.trouble.lost_race


_AT_ONCE: dict[str, Any] = {
    "retry": tenacity.retry_if_exception(lost_race),
    "wait": tenacity.wait_random(0, 0.02),
    "reraise": True,
}


def racing(*, tried: int = 0) -> tenacity.AsyncRetrying:
    """The tries of one whole transaction that are left."""
    return tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(TRIES - tried), **_AT_ONCE)


def racing_sync() -> tenacity.Retrying:
    """The tries of one whole transaction, for programs without an event loop."""
    return tenacity.Retrying(stop=tenacity.stop_after_attempt(TRIES), **_AT_ONCE)
