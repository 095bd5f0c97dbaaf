"""What answers an application's calls: its database, or what a test puts in the database's place.

`DatabaseBackend` opens its pools with the first call that needs them, one for the event loop and one for synchronous
programs, and may be asked from any thread. After a fork the child opens its own.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol
from uuid import UUID

from rowlock.config import Settings
from rowlock.domain.requests import TaskRequest
from rowlock.engine import children, enqueue, enqueue_sync, operate
from rowlock.store import callers, tasks
from rowlock.store.addresses import url_from_settings
from rowlock.store.at_once import Blocking, at_once, each_at_once
from rowlock.store.database import Database
from rowlock.store.forks import begin_anew_after_fork
from rowlock.store.sync_database import SyncDatabase
from rowlock.store.tasks import ChildResult, Stored, TaskRecord

ACTOR = operate.Actor("python")


class Backend(Protocol):
    """The calls of an application that need more than its declarations. Refusals are the domain's errors."""

    async def submit(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]: ...

    def submit_sync(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]: ...

    async def get(self, tenant_id: str, task_id: UUID) -> TaskRecord: ...

    def get_sync(self, tenant_id: str, task_id: UUID) -> TaskRecord: ...

    async def count_children(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]: ...

    def count_children_sync(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]: ...

    def child_results(self, tenant_id: str, task_id: UUID, name: str) -> AsyncIterator[ChildResult]: ...

    def child_results_sync(self, tenant_id: str, task_id: UUID, name: str) -> Iterator[ChildResult]: ...

    async def cancel(self, tenant_id: str, task_id: UUID, reason: str | None) -> str: ...

    def cancel_sync(self, tenant_id: str, task_id: UUID, reason: str | None) -> str: ...

    async def redrive(self, tenant_id: str, task_id: UUID) -> None: ...

    def redrive_sync(self, tenant_id: str, task_id: UUID) -> None: ...


class DatabaseBackend:
    """The `Backend` of every application outside of tests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database: Database | None = None
        self._sync_databases: dict[tuple[str, str], SyncDatabase] = {}  # by URL and schema
        self._making = threading.Lock()
        begin_anew_after_fork(self)

    async def submit(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]:
        if on is not None:
            return await callers.insert_on_async(on, self._schema, tenant_id, requests)
        return await enqueue.enqueue_many(self.database, tenant_id, requests)

    def submit_sync(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]:
        if on is not None:
            return callers.insert_on(on, self._schema, tenant_id, requests)
        return enqueue_sync.enqueue_many_sync(self.sync_database, tenant_id, requests)

    async def get(self, tenant_id: str, task_id: UUID) -> TaskRecord:
        return await tasks.get_task(self.database, tenant_id, task_id)

    def get_sync(self, tenant_id: str, task_id: UUID) -> TaskRecord:
        return at_once(tasks.get_task(self._blocking, tenant_id, task_id))

    async def count_children(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]:
        return await tasks.count_children(self.database, tenant_id, task_id, name=name)

    def count_children_sync(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]:
        return at_once(tasks.count_children(self._blocking, tenant_id, task_id, name=name))

    def child_results(self, tenant_id: str, task_id: UUID, name: str) -> AsyncIterator[ChildResult]:
        return children.child_results(self.database, tenant_id, task_id, name)

    def child_results_sync(self, tenant_id: str, task_id: UUID, name: str) -> Iterator[ChildResult]:
        return each_at_once(children.child_results(self._blocking, tenant_id, task_id, name))

    async def cancel(self, tenant_id: str, task_id: UUID, reason: str | None) -> str:
        return await operate.cancel_task(self.database, tenant_id, task_id, actor=ACTOR, reason=reason)

    def cancel_sync(self, tenant_id: str, task_id: UUID, reason: str | None) -> str:
        return at_once(operate.cancel_task(self._blocking, tenant_id, task_id, actor=ACTOR, reason=reason))

    async def redrive(self, tenant_id: str, task_id: UUID) -> None:
        await operate.redrive_task(self.database, tenant_id, task_id, actor=ACTOR)

    def redrive_sync(self, tenant_id: str, task_id: UUID) -> None:
        at_once(operate.redrive_task(self._blocking, tenant_id, task_id, actor=ACTOR))

    @property
    def database(self) -> Database:
        """The pool of the event loop; opened by its first use."""
        if self._database is None:
            self._database = Database(self._settings, name="rowlock client")
        return self._database

    @property
    def url(self) -> str:
        """Where the calls go."""
        database = self._database
        return database.url if database else self._own_url

    @property
    def sync_database(self) -> SyncDatabase:
        """The pool of the synchronous calls, shared by all threads; it leads where that of the event loop does."""
        with self._making:
            settings, url = self._place
            place = (url, settings.schema_)
            if place not in self._sync_databases:
                self._sync_databases[place] = SyncDatabase(settings, url=url)
            return self._sync_databases[place]

    def brief_database(self) -> Database:
        """Another pool that leads where the calls go, for a loop that is soon over; whoever asks closes it."""
        settings, url = self._place
        return Database(settings.model_copy(update={"pool_min": 0}), url=url, name="rowlock client")

    @property
    def _place(self) -> tuple[Settings, str]:
        """Where the calls go: the pool's of the event loop, which may be somebody else's, or the settings'."""
        shared = self._database
        return (shared.settings, shared.url) if shared else (self._settings, self._own_url)

    @property
    def _blocking(self) -> Blocking:
        return Blocking(self.sync_database)

    @cached_property
    def _own_url(self) -> str:
        return url_from_settings(self._settings)

    @property
    def _schema(self) -> str:
        return self._database.schema if self._database else self._settings.schema_

    @contextmanager
    def sharing(self, database: Database) -> Iterator[None]:
        """For the block, uses a pool that somebody else owns, such as the worker's, unless it has opened its own.

        All calls go to that pool's installation then, whatever the settings of the application say.
        """
        if self._database is not None:
            yield
            return
        self._database = database
        try:
            yield
        finally:
            self._database = None

    async def open(self) -> None:
        await self.database.open()

    async def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            await database.close()
        self.close_sync()

    def close_sync(self) -> None:
        with self._making:
            databases, self._sync_databases = self._sync_databases, {}
        for database in databases.values():
            database.close()

    def forget_inherited(self) -> None:
        """In a process that was forked off: the pools of synchronous calls are the parent's."""
        self._making = threading.Lock()
        self._sync_databases = {}
