"""Renewing leases. One that has run out is renewed too, unless another has taken the task over, or has taken the task's
place in a lane with a concurrency cap: then it is lost, for a cap holds whatever becomes of those that it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from rowlock.domain.errors import DatabaseUnavailable, is_lock_timeout
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, Renewal


async def renew(database: Database, held: Sequence[ClaimedTask], *, lease_seconds: float) -> Renewal:
    """What became of each lease. Of those whose rows are locked this moment, or whose lanes are, nothing is told; they
    stay as they are."""
    found = await leases.renew(database, *_ids_and_tokens(held), lease_seconds=lease_seconds)
    lapsed: dict[tuple[str, str], list[ClaimedTask]] = defaultdict(list)
    for task in held:
        if task.lease_token in found.lapsed:
            lapsed[task.queue, task.lane].append(task)
    for (queue, lane), tasks in lapsed.items():
        ids, tokens = _ids_and_tokens(tasks)
        try:
            async with database.link() as link:
                found |= await leases.renew_capped(
                    link, ids, tokens, queue=queue, lane=lane, lease_seconds=lease_seconds
                )
        except DatabaseUnavailable as error:
            if not is_lock_timeout(error):
                raise
    return found


def _ids_and_tokens(tasks: Sequence[ClaimedTask]) -> tuple[list[UUID], list[int]]:
    return [task.id for task in tasks], [task.lease_token for task in tasks]
