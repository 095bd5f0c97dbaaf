"""Into rowlock by Python: on an event loop, from threads, and in transactions of the client's own."""

from __future__ import annotations

import asyncio
import os
from uuid import UUID

import psycopg
from tests.harness.nemesis.clients import Refused

from rowlock import Rowlock
from rowlock.config import load_settings
from rowlock.domain.requests import TaskRequest
from rowlock.store.errors import domain_error, lost_in_flight, translated
from rowlock.store.tasks import Stored


class OnALoop:
    """The asynchronous API."""

    def __init__(self) -> None:
        self._app = Rowlock(settings=load_settings())

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        handles = await self._app.submit(requests, tenant_id=tenant)
        return [Stored(handle.id, handle.created) for handle in handles]

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None:
        raise Refused("Only a client with a transaction of its own can roll back.")

    async def cancel(self, tenant: str, task_id: UUID) -> str:
        return await self._app.cancel(task_id, tenant_id=tenant)

    async def redrive(self, tenant: str, task_id: UUID) -> None:
        await self._app.redrive(task_id, tenant_id=tenant)

    async def peek(self, tenant: str, task_id: UUID) -> str:
        return (await self._app.get(task_id, tenant_id=tenant)).tenant_id

    async def close(self) -> None:
        await self._app.close()


class Threaded(OnALoop):
    """The synchronous API, for programs without a loop."""

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        handles = await asyncio.to_thread(self._app.submit_sync, requests, tenant_id=tenant)
        return [Stored(handle.id, handle.created) for handle in handles]


class InTransactions(OnALoop):
    """Tasks that commit and roll back with rows of the client's own."""

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        return await self._within(tenant, requests, commit=True)

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None:
        await self._within(tenant, requests, commit=False)

    async def _within(self, tenant: str, requests: list[TaskRequest], *, commit: bool) -> list[Stored]:
        with translated():
            connection = await psycopg.AsyncConnection.connect(os.environ["ROWLOCK_DATABASE_URL"], connect_timeout=5)
        try:
            handles = await self._app.submit(requests, tenant_id=tenant, on=connection)
            if commit:
                await _commit(connection)
        finally:
            await connection.close()  # which rolls back what was not committed, and cannot fail
        return [Stored(handle.id, handle.created) for handle in handles]


async def _commit(connection: psycopg.AsyncConnection[object]) -> None:
    try:
        await connection.commit()
    except psycopg.Error as error:
        raise lost_in_flight(error) or domain_error(error) or Refused(f"COMMIT was refused: {error}") from error
