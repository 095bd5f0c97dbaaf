"""Where an id was used again: two finished tasks of one id cannot be filed under one day, so the older makes room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rowlock.domain.errors import AlreadyExists
from rowlock.store.arrays import Uuids
from rowlock.store.connections import Row
from rowlock.store.links import Runner

MOST_OVERDUE = 10_000  # as many as a leader ends in one round


async def make_room(runner: Runner, ids: Sequence[UUID], status: str) -> int:
    """Moves what is in the way of these live tasks to other days, so that they can end with that status; how many."""
    return len(await runner.run("make_room_in_history", {"ids": Uuids(ids), "status": status}))


async def run_with_room(runner: Runner, name: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Runs a statement that ends as dead what is overdue, once more where ids were used before."""
    try:
        return await runner.run(name, parameters)
    except AlreadyExists:
        overdue = [row[0] for row in await runner.run("find_overdue", {"limit": MOST_OVERDUE})]
        await make_room(runner, overdue, "dead")
        return await runner.run(name, parameters)
