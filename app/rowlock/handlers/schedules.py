"""`app.schedules`: what an application declares, and all that can be done with the schedules of its tenant.

Every act is one that REST, the command line and SQL know too, and stands in the audit log. The engine is loaded by the
first of them: it brings calendars, which most processes do without.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from uuid import UUID

from rowlock.domain.bounds import check_tenant
from rowlock.domain.errors import ConfigurationError
from rowlock.handlers.backend import ACTOR
from rowlock.handlers.handler import Handler
from rowlock.handlers.own_loop import in_own_loop
from rowlock.handlers.schedule_options import ScheduleChanges, ScheduleOptions
from rowlock.handlers.schedules_sync import SyncSchedules
from rowlock.handlers.task import Task
from rowlock.handlers.task_handle import TaskHandle
from rowlock.store.database import Database

if TYPE_CHECKING:
    from rowlock.client import Rowlock
    from rowlock.domain.schedule_requests import ScheduleRequest
    from rowlock.engine.backfill import Backfill
    from rowlock.engine.declared_schedules import SyncReport
    from rowlock.engine.explain_window import WindowExplanation
    from rowlock.store.schedules import ScheduleRecord
    from rowlock.store.windows import WindowRecord


T = TypeVar("T")


class Schedules(SyncSchedules):
    """The schedules of one application. All that take a name raise `NotFound`, and take `tenant_id=` too.

    The `_sync` twins are for programs without an event loop.
    """

    def __init__(self, app: Rowlock, database: Database | None = None) -> None:
        """`database` is for the acts of one call; else they take the application's."""
        self._app = app
        self._its_own = database
        self._declared: dict[str, ScheduleRequest] = {}

    @property
    def declared(self) -> MappingProxyType[str, ScheduleRequest]:
        """What `@app.schedule` declares, by name."""
        return MappingProxyType(self._declared)

    def declare(
        self, handler: Handler, name: str | None, payload: Mapping[str, Any] | None, options: Mapping[str, Any]
    ) -> None:
        """Registers a schedule for a declared handler."""
        from rowlock.handlers.declared_schedule import declare_schedule

        request = declare_schedule(handler, name=name, payload=payload, options=options)
        if request.name in self._declared:
            raise ConfigurationError(
                f"A schedule named {request.name!r} is declared already: give each schedule of a handler a name=."
            )
        self._declared[request.name] = request

    async def sync(self, *, take_over: bool = False, dry_run: bool = False) -> SyncReport:
        """Brings the database to what is declared, as a starting worker does."""
        from rowlock.engine.declared_schedules import sync_declared

        app = self._app
        declared = list(self._declared.values())
        return await sync_declared(self._database, app.tenant, app.name, declared, take_over=take_over, dry_run=dry_run)

    async def create(
        self,
        name: str,
        task: Task[Any, Any] | str,
        payload: Mapping[str, Any] | None = None,
        *,
        paused: bool = False,
        tenant_id: str | None = None,
        **options: Unpack[ScheduleOptions],
    ) -> ScheduleRecord:
        """Makes a schedule of a handler, or of the name of one that is declared elsewhere; its windows count from now.

        Raises `AlreadyExists`, `InvalidArgument` whose `field` is the option, and `InvalidPayload`.
        """
        from rowlock.engine import schedules

        tenant = self._tenant_or(tenant_id)
        request = await self._request(tenant, name, task, payload, options)
        return await schedules.create_schedule(self._database, tenant, request, actor=ACTOR, paused=paused)

    async def change(
        self, name: str, *, tenant_id: str | None = None, **changes: Unpack[ScheduleChanges]
    ) -> ScheduleRecord:
        """Changes some of a schedule. Where its rule changes, its windows count from now."""
        from rowlock.engine import schedules
        from rowlock.engine.admission import Admission

        tenant, said = self._tenant_or(tenant_id), _in_the_engine_s_words(changes)
        declared = {handler.name: handler.payload_version for handler in self._app.handlers.values()}
        said = await Admission(self._database).schedule_change(tenant, name, said, declared=declared)
        return await schedules.update_schedule(self._database, tenant, name, said, actor=ACTOR)

    async def get(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """The schedule as it is now."""
        from rowlock.engine import schedules

        return await schedules.get_schedule(self._database, self._tenant_or(tenant_id), name)

    async def page(
        self, *, past: str | None = None, limit: int = 100, tenant_id: str | None = None
    ) -> list[ScheduleRecord]:
        """At most `limit` (1 to 1,000) schedules by name, beyond the name `past`."""
        from rowlock.engine import schedules

        tenant = self._tenant_or(tenant_id)
        return await schedules.list_schedules(self._database, tenant, past=past, limit=limit)

    async def pause(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """Stops it from firing; tasks that it made go on."""
        from rowlock.engine import schedules

        return await schedules.pause_schedule(self._database, self._tenant_or(tenant_id), name, actor=ACTOR)

    async def resume(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """Lets it fire again from now on; what it missed is recorded as skipped."""
        from rowlock.engine import schedules

        return await schedules.resume_schedule(self._database, self._tenant_or(tenant_id), name, actor=ACTOR)

    async def trigger(
        self,
        name: str,
        *,
        id: UUID | None = None,  # noqa: A002 - the field's name everywhere
        tenant_id: str | None = None,
    ) -> TaskHandle:
        """Enqueues one task of it outside its windows, paused or not.

        Under an `id`, best a UUIDv7, it may be asked for again: the task that was made then answers, `created` False.
        Raises `AlreadyExists` where the id is another task's.
        """
        from rowlock.engine import schedules

        tenant = self._tenant_or(tenant_id)
        stored = await schedules.trigger_now(self._database, tenant, name, actor=ACTOR, task_id=id)
        return TaskHandle(self._app, stored.id, stored.created, tenant)

    async def backfill(self, name: str, *, since: datetime, until: datetime, tenant_id: str | None = None) -> Backfill:
        """Fires the past windows of a range that never fired, at most 10,000. Safe to repeat."""
        from rowlock.engine.backfill import backfill

        tenant = self._tenant_or(tenant_id)
        return await backfill(self._database, tenant, name, since=since, until=until, actor=ACTOR)

    async def windows(
        self, name: str, *, before: datetime | None = None, limit: int = 100, tenant_id: str | None = None
    ) -> list[WindowRecord]:
        """At most `limit` (1 to 1,000) windows that are accounted for, newest first."""
        from rowlock.engine import schedules

        tenant = self._tenant_or(tenant_id)
        return await schedules.list_windows(self._database, tenant, name, before=before, limit=limit)

    async def explain(
        self, name: str, window: datetime | str | None = None, *, tenant_id: str | None = None
    ) -> WindowExplanation:
        """Why that window fired or not, and what to do; the latest that was due where none is named."""
        from rowlock.engine.explain_window import explain_window

        return await explain_window(self._database, self._tenant_or(tenant_id), name, window)

    async def delete(self, name: str, *, tenant_id: str | None = None) -> None:
        """Deletes it; the tasks it made go on."""
        from rowlock.engine import schedules

        await schedules.delete_schedule(self._database, self._tenant_or(tenant_id), name, actor=ACTOR)

    async def _request(
        self,
        tenant: str,
        name: str,
        task: Task[Any, Any] | str,
        payload: Mapping[str, Any] | None,
        options: ScheduleOptions,
    ) -> ScheduleRequest:
        handler = task.handler if isinstance(task, Task) else self._app.handlers.get(task)
        if handler is None:
            from rowlock.engine.admission import Admission

            said = _in_the_engine_s_words(options)
            return await Admission(self._database).schedule(tenant, name, str(task), dict(payload or {}), **said)
        from rowlock.handlers.declared_schedule import declare_schedule

        return declare_schedule(handler, name=name, payload=payload, options=options)

    @property
    def _database(self) -> Database:
        return self._its_own or self._app.database

    def _at_once(self, act: Callable[[Schedules], Coroutine[Any, Any, T]]) -> T:
        async def acted() -> T:
            async with self._app.brief_database() as database:
                return await act(Schedules(self._app, database))

        return in_own_loop(acted)

    def _tenant_or(self, tenant_id: str | None) -> str:
        return self._app.tenant if tenant_id is None else check_tenant(tenant_id, field="tenant_id")


def _in_the_engine_s_words(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"timezone" if option == "tz" else option: value for option, value in options.items()}
