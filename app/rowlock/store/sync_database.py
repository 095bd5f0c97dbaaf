"""The pool of a synchronous program: what `enqueue_sync` and its like stand on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.types.json import set_json_loads

from rowlock.config import Settings
from rowlock.domain.requests import TaskRequest, any_keyed
from rowlock.store.addresses import url_from_settings
from rowlock.store.arrays import register_arrays
from rowlock.store.connections import Row, gave_rows
from rowlock.store.errors import lost_in_flight, translated
from rowlock.store.links import connection_options, is_pooled, load_json
from rowlock.store.pools import SyncPool, check_if_it_was_cut_sync
from rowlock.store.races import racing_sync
from rowlock.store.statements import statement
from rowlock.store.tasks import Stored, all_stored, as_json, batch_statement, finished_parameters, single_parameters


class SyncDatabase:
    """One installation for programs without an event loop. Safe to share between threads."""

    def __init__(self, settings: Settings, *, url: str | None = None) -> None:
        self.settings = settings
        self.schema = settings.schema_
        address = url or url_from_settings(settings)
        self._pool = SyncPool(
            address,
            kwargs={
                "autocommit": True,
                "application_name": "rowlock client",
                "connect_timeout": max(2, round(settings.connect_seconds)),
                **connection_options(address),
            },
            min_size=0,
            max_size=settings.pool_max,
            timeout=settings.connect_seconds,
            reconnect_timeout=self.settings.connect_seconds,  # as long as a caller waits
            configure=_prepare,
            check=check_if_it_was_cut_sync,
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    def insert(self, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Stored]:
        """Stores all of the tasks or none; answers in order. `OutcomeUnknown` where the reply was lost."""
        for attempt in racing_sync():
            with attempt:
                return self._insert(tenant_id, requests)
        raise AssertionError("trying ends with an answer or an error")

    def _insert(self, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Stored]:
        with self._link() as connection:
            if any_keyed(requests):
                keyed = {"tasks": as_json(requests), "tenant_id": tenant_id}
                return [Stored(row[1], row[2]) for row in self._run(connection, "enqueue_keyed", keyed)]
            if len(requests) == 1:
                single = {**single_parameters(tenant_id, requests[0]), "wake": requests[0].due_soon}
                self._run(connection, "enqueue", single)
            else:
                self._run(connection, *batch_statement(tenant_id, requests))
        return all_stored(requests)

    def is_stored(self, tenant_id: str, task_id: UUID) -> bool:
        """Whether there is a task of that id, live or finished."""
        parameters = {"id": task_id, "tenant_id": tenant_id}
        return any(self.run(name, parameters) for name in ("get_live_task", "get_task"))

    def find_finished(self, tenant_id: str, chosen: Mapping[UUID, str | None]) -> UUID | None:
        """As `store.tasks.find_finished`."""
        rows = self.run("find_finished", finished_parameters(tenant_id, chosen))
        return rows[0][0] if rows else None

    def confirm_commits(self) -> None:
        """Returns once what was committed before, by whomever, is as durable as a commit that was acknowledged."""
        self.run("confirm_commits")

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of the named statement; a race that was lost is run again at once."""
        for attempt in racing_sync():
            with attempt, self._link() as connection:
                return self._run(connection, name, parameters)
        raise AssertionError("trying ends with rows or an error")

    def _run(self, connection: Connection[Row], name: str, parameters: Mapping[str, Any] | None) -> list[Row]:
        cursor = connection.execute(statement(name, self.schema), parameters, binary=True)
        return cursor.fetchall() if gave_rows(cursor.pgresult) else []

    @contextmanager
    def _link(self) -> Iterator[Connection[Row]]:
        """A connection from the pool; `OutcomeUnknown` where it breaks with a statement under way."""
        with translated(), self._pool.connection() as connection:
            try:
                yield connection
            except psycopg.errors.ReadOnlySqlTransaction:
                connection.close()  # the next goes to whichever host takes writes
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                unknown = lost_in_flight(error) if connection.closed or connection.broken else None
                if unknown is None:
                    raise
                raise unknown from error


def _prepare(connection: Connection[Any]) -> None:
    set_json_loads(load_json, connection)
    register_arrays(connection)
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    connection.prepare_threshold = None if is_pooled(connection, row[0]) else 1
