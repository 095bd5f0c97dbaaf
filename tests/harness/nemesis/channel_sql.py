"""Into rowlock by plain SQL, as psql or any other language would: the stable functions, in autocommit."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import psycopg
from tests.harness.nemesis.channel_rest import body_of
from tests.harness.nemesis.clients import Refused

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.requests import TaskRequest
from rowlock.store.errors import domain_error, lost_in_flight
from rowlock.store.tasks import Stored

ENQUEUE = "SELECT id, created FROM rowlock.enqueue_many(%s::jsonb, %s) ORDER BY position"


class Sql:
    """One connection, made anew when it is lost."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        tasks = json.dumps([_task_of(request) for request in requests])
        return [Stored(row[0], row[1]) for row in await self._run(ENQUEUE, tasks, tenant)]

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None:
        raise Refused("This client commits every statement.")

    async def cancel(self, tenant: str, task_id: UUID) -> str:
        rows = await self._run("SELECT rowlock.cancel(%s, %s)", task_id, tenant)
        return str(rows[0][0])

    async def redrive(self, tenant: str, task_id: UUID) -> None:
        await self._run("SELECT rowlock.redrive(%s, %s)", task_id, tenant)

    async def peek(self, tenant: str, task_id: UUID) -> str:
        await self._run("SELECT * FROM rowlock.explain_task(%s, %s)", task_id, tenant)
        return tenant

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _run(self, statement: str, *parameters: Any) -> list[Any]:
        connection = await self._connected()
        try:
            return await (await connection.execute(statement.encode(), parameters)).fetchall()
        except psycopg.Error as error:
            unknown = lost_in_flight(error) if connection.broken or connection.closed else None
            raise unknown or domain_error(error) or Refused(str(error)) from error

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.broken or self._connection.closed:
            try:
                self._connection = await psycopg.AsyncConnection.connect(
                    os.environ["ROWLOCK_DATABASE_URL"], autocommit=True, connect_timeout=5
                )
            except psycopg.OperationalError as error:
                raise DatabaseUnavailable(f"The database cannot be reached: {error}") from error
        return self._connection


def _task_of(request: TaskRequest) -> dict[str, Any]:
    return body_of(request) | ({"idempotency_key": request.idempotency_key} if request.idempotency_key else {})
