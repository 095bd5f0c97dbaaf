"""Whether the API can do its work: the database answers, and is migrated to what this version needs."""

from __future__ import annotations

import asyncio
from functools import cache

from rowlock.domain.errors import OutcomeUnknown, RowlockError
from rowlock.store.database import Database
from rowlock.store.migrate import head_revision

ANSWER_SECONDS = 3.0
head = cache(head_revision)


async def unreadiness(database: Database) -> list[str]:
    """Why it is not ready, in sentences; empty when it is."""
    try:
        wanted = await asyncio.to_thread(head)  # reads the migrations' folder the first time
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                await database.check_schema(wanted)
            except OutcomeUnknown:  # a connection that had been cut while it was idle
                await database.check_schema(wanted)
    except TimeoutError:
        return [f"The database did not answer within {ANSWER_SECONDS:g} s."]
    except RowlockError as error:
        return [error.message]
    return []
