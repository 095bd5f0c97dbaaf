"""Enqueueing for many callers at once: what comes while one batch commits goes to the database together, as the next.

A request that finds nobody before it goes at once, so a single caller waits no longer than without gathering. What is
true of each request stays true: it is answered after its own commit, it is refused for its own faults alone, and a lost
reply is looked into for each. Only for ids that were made here: one that a caller has chosen may be held by a
transaction of his, and nobody else shall wait for that.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.requests import TaskRequest
from rowlock.engine.enqueue import enqueue, outcome_unknown, settle
from rowlock.store import tasks
from rowlock.store.database import Database

MOST_TOGETHER = 500
MOST_BYTES_TOGETHER = 4_000_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    tenant_id: str
    request: TaskRequest
    answer: asyncio.Future[datetime | None]

    def stored(self, at: datetime | None) -> None:
        if not self.answer.done():
            self.answer.set_result(at)

    def refused(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class GatheredEnqueue:
    """For requests without keys whose ids were made here. To be used by tasks of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def enqueue(self, tenant_id: str, request: TaskRequest) -> datetime | None:
        """Stores one task durably: when, by the database's clock, as far as that is known. Raises as `enqueue` does."""
        waiting = _Waiting(tenant_id, request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._storing is None or self._storing.done():
            # In a context of its own: it outlives the request that happens to start it.
            self._storing = asyncio.create_task(self._store(), context=contextvars.Context())
        return await waiting.answer

    async def _store(self) -> None:
        together: list[_Waiting] = []
        try:
            while self._waiting:
                together = self._next_batch()
                if together:
                    await self._store_together(together)
        finally:
            for one in (*together, *self._waiting):  # none, unless the process is ending
                one.refused(outcome_unknown([one.request]))
            self._waiting.clear()

    def _next_batch(self) -> list[_Waiting]:
        """Who has waited longest, without those who have gone away."""
        together: list[_Waiting] = []
        size = 0
        while self._waiting and len(together) < MOST_TOGETHER and size < MOST_BYTES_TOGETHER:
            one = self._waiting.popleft()
            if not one.answer.done():
                together.append(one)
                size += len(one.request.payload)
        return together

    async def _store_together(self, together: list[_Waiting]) -> None:
        try:
            stored_at = await tasks.insert_tasks_of(self._database, [(one.tenant_id, one.request) for one in together])
        except DatabaseUnavailable as error:
            for one in together:
                one.refused(DatabaseUnavailable(error.message, trouble=error.trouble))
        except OutcomeUnknown:
            await asyncio.gather(
                *(_alone(one, settle(self._database, one.tenant_id, [one.request])) for one in together)
            )
        except Exception:  # noqa: BLE001 - one of them is at fault, and asking for each tells which
            for one in together:
                await _alone(one, enqueue(self._database, one.tenant_id, one.request))
        else:
            for one in together:
                one.stored(stored_at)


async def _alone(one: _Waiting, storing: Coroutine[Any, Any, object]) -> None:
    """Answers one by what storing it says; when it was stored is not told."""
    try:
        await storing
    except Exception as error:  # noqa: BLE001 - it is its caller's
        one.refused(error)
    else:
        one.stored(None)
