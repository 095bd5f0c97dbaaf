"""Whether the API can do its work: the database answers, is migrated to what this version needs, and takes writes."""

from __future__ import annotations

import asyncio
from functools import cache

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError
from rowlock.domain.trouble import Trouble
from rowlock.store.database import Database
from rowlock.store.revisions import head_revision
from rowlock.telemetry.condition import Condition

ANSWER_SECONDS = 3.0
DUTY = "readiness"
READ_ONLY = "The database takes no writes: it is a standby, or in read-only mode. Reading works."
head = cache(head_revision)


async def unreadiness(database: Database, condition: Condition) -> list[str]:
    """Why it is not ready, in sentences; empty when it is."""
    try:
        await _check(database)
    except RowlockError as error:
        condition.troubled(DUTY, error)
        return [error.message]
    condition.well(DUTY)
    return []


async def shortcomings(database: Database, condition: Condition) -> list[str]:
    """What a ready API cannot do nevertheless, such as writing to a disk that is full."""
    if reasons := condition.reasons:
        return list(reasons)
    return [] if await database.takes_writes() else [READ_ONLY]


async def _check(database: Database) -> None:
    wanted = await asyncio.to_thread(head)  # reads the migrations' folder the first time
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                await database.check_schema(wanted)
            except OutcomeUnknown:  # a connection that was cut just now
                await database.check_schema(wanted)
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"The database did not answer within {ANSWER_SECONDS:g} s.", trouble=Trouble.UNREACHABLE
        ) from error
