"""Enqueueing for many callers at once: what comes while one batch commits goes to the database together, as the next.

A request that finds nobody before it goes at once, so a single caller waits no longer than without gathering. What is
true of each request stays true: it is answered after its own commit, it is refused for its own faults alone, and a lost
reply is looked into for each.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError
from rowlock.domain.requests import TaskRequest
from rowlock.engine.enqueue import enqueue, settle
from rowlock.store import tasks
from rowlock.store.database import Database

MOST_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class _Waiting:
    tenant_id: str
    request: TaskRequest
    answer: asyncio.Future[datetime | None]


class GatheredEnqueue:
    """For requests without keys. To be used by tasks of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def enqueue(self, tenant_id: str, request: TaskRequest) -> datetime | None:
        """Stores one task durably: when, by the database's clock, as far as that is known. Raises as `enqueue` does."""
        waiting = _Waiting(tenant_id, request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())
        return await waiting.answer

    async def _store(self) -> None:
        try:
            while self._waiting:
                together = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
                await self._store_together([one for one in together if not one.answer.done()])  # the rest has gone
        finally:
            self._storing = None

    async def _store_together(self, together: list[_Waiting]) -> None:
        if not together:
            return
        try:
            stored_at = await tasks.insert_tasks_of(self._database, [(one.tenant_id, one.request) for one in together])
        except DatabaseUnavailable as error:
            for one in together:
                _answer(one, DatabaseUnavailable(error.message, trouble=error.trouble))
        except RowlockError as error:
            # One of them is refused, and who it is only asking for each tells; or nobody knows what is stored.
            await asyncio.gather(*(self._store_alone(one, error) for one in together))
        except BaseException as error:
            for one in together:
                _answer(one, error if isinstance(error, Exception) else OutcomeUnknown("The process is ending."))
            raise
        else:
            for one in together:
                if not one.answer.done():
                    one.answer.set_result(stored_at)

    async def _store_alone(self, one: _Waiting, error: RowlockError) -> None:
        try:
            if isinstance(error, OutcomeUnknown):
                await settle(self._database, one.tenant_id, [one.request])
            else:
                await enqueue(self._database, one.tenant_id, one.request)
        except RowlockError as own:
            _answer(one, own)
        else:
            if not one.answer.done():
                one.answer.set_result(None)


def _answer(one: _Waiting, error: Exception) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
