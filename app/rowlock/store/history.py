"""Where an id was used again: two finished tasks of one id cannot be filed under one day, so the older makes room."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from rowlock.domain.errors import AlreadyExists
from rowlock.store.arrays import Uuids
from rowlock.store.connections import Row
from rowlock.store.links import Runner

MOST_EXHAUSTED = 10_000  # as many as a leader ends in one round
LOCK_TIMEOUT = "1s"  # for which a leader waits; whoever has locked a finished task must not keep it from all others


async def make_room(runner: Runner, ids: Sequence[UUID], status: str, *, lock_timeout: str | None = None) -> int:
    """Moves what is in the way of these live tasks to other days, so that they can end with that status; how many.

    Raises `DatabaseUnavailable` where it waits longer than `lock_timeout` ("1s"; None is the session's own setting) for
    one that somebody else has locked.
    """
    asked = {"ids": Uuids(ids), "status": status, "lock_timeout": lock_timeout}
    return len(await runner.run("make_room_in_history", asked))


async def rescue_with_room(runner: Runner, limit: int) -> list[Row]:
    """Runs `rescue_exhausted`, once more where ids were used before. Raises `DatabaseUnavailable` where one of those is
    locked."""
    try:
        return await runner.run("rescue_exhausted", {"limit": limit})
    except AlreadyExists:
        exhausted = [row[0] for row in await runner.run("find_exhausted", {"limit": MOST_EXHAUSTED})]
        await make_room(runner, exhausted, "dead", lock_timeout=LOCK_TIMEOUT)
        return await runner.run("rescue_exhausted", {"limit": limit})
