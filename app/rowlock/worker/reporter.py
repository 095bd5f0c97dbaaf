"""What a handler's Context asks of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from rowlock.handlers.context import Context
from rowlock.store import leases, tasks
from rowlock.store.database import Database
from rowlock.store.tasks import ChildResult

PAGE = 1_000


class DatabaseReporter:
    """The `Reporter` of a worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report_progress(self, context: Context, progress: str) -> None:
        asked_to_stop = await leases.report_progress(self._database, context.task_id, context.lease_token, progress)
        if asked_to_stop:
            context._cancelled = True

    async def count_children(self, context: Context, name: str | None) -> dict[str, int]:
        return await tasks.count_children(self._database, context.tenant_id, context.task_id, name=name)

    async def child_results(self, context: Context, name: str) -> AsyncIterator[ChildResult]:
        past = UUID(int=0)
        while True:
            page = await tasks.get_child_results(
                self._database, context.tenant_id, context.task_id, name, past=past, limit=PAGE
            )
            for child in page:
                yield child
            if len(page) < PAGE:
                return
            past = page[-1].id
