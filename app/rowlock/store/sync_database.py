"""The pool of a synchronous program: what `enqueue_sync` stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from rowlock.config import Settings
from rowlock.domain.requests import TaskRequest
from rowlock.store.addresses import url_from_settings
from rowlock.store.errors import translated
from rowlock.store.links import Row, is_pooled, keepalives
from rowlock.store.statements import statement
from rowlock.store.tasks import Stored, as_json, batch_parameters, single_parameters


class SyncDatabase:
    """One installation for programs without an event loop. Safe to share between threads."""

    def __init__(self, settings: Settings, *, url: str | None = None) -> None:
        self.schema = settings.schema_
        address = url or url_from_settings(settings)
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            address,
            kwargs={
                "autocommit": True,
                "application_name": "rowlock client",
                "connect_timeout": max(2, round(settings.connect_seconds)),
                **keepalives(address),
            },
            min_size=0,
            max_size=settings.pool_max,
            timeout=settings.connect_seconds,
            configure=_prepare,
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    def enqueue(self, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
        """Stores all of the tasks or none; answers in order."""
        with translated(), self._pool.connection() as connection:
            if any(request.keyed for request in requests):
                parameters = {"tasks": as_json(requests), "tenant_id": tenant_id}
                rows = connection.execute(statement("enqueue_keyed", self.schema), parameters).fetchall()
                return [Stored(row[1], row[2]) for row in rows]
            if len(requests) == 1:
                self._insert(connection, tenant_id, requests[0])
            else:
                self._insert_many(connection, tenant_id, requests)
        return [Stored(request.id, True) for request in requests]

    def _insert(self, connection: Connection[Row], tenant_id: str, request: TaskRequest) -> None:
        parameters = {**single_parameters(tenant_id, request), "wake": request.due_now}
        connection.execute(statement("enqueue", self.schema), parameters)

    def _insert_many(self, connection: Connection[Row], tenant_id: str, requests: Sequence[TaskRequest]) -> None:
        with connection.transaction():
            connection.execute(statement("enqueue_batch", self.schema), batch_parameters(tenant_id, requests))
            for queue in {request.queue for request in requests if request.due_now}:
                connection.execute(statement("wake", self.schema), {"queue": queue})


def _prepare(connection: Connection[Any]) -> None:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    connection.prepare_threshold = None if is_pooled(connection, row[0]) else 1
