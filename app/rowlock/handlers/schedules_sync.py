"""The calls of `app.schedules` for programs without an event loop, which may make them from any thread.

They are rare, and some are more than one statement: each has an event loop and a connection for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from uuid import UUID

from rowlock.handlers.schedule_options import ScheduleChanges, ScheduleOptions
from rowlock.handlers.task import Task
from rowlock.handlers.task_handle import TaskHandle

if TYPE_CHECKING:
    from rowlock.engine.backfill import Backfill
    from rowlock.engine.explain_window import WindowExplanation
    from rowlock.handlers.schedules import Schedules
    from rowlock.store.schedules import ScheduleRecord
    from rowlock.store.windows import WindowRecord

T = TypeVar("T")


class SyncSchedules:
    """A twin for each of `Schedules`' calls but `sync`, which workers make at their start."""

    def create_sync(
        self,
        name: str,
        task: Task[Any, Any] | str,
        payload: Mapping[str, Any] | None = None,
        *,
        paused: bool = False,
        tenant_id: str | None = None,
        **options: Unpack[ScheduleOptions],
    ) -> ScheduleRecord:
        """`create` for programs without an event loop."""
        return self._at_once(lambda its: its.create(name, task, payload, paused=paused, tenant_id=tenant_id, **options))

    def change_sync(
        self, name: str, *, tenant_id: str | None = None, **changes: Unpack[ScheduleChanges]
    ) -> ScheduleRecord:
        """`change` for programs without an event loop."""
        return self._at_once(lambda its: its.change(name, tenant_id=tenant_id, **changes))

    def get_sync(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """`get` for programs without an event loop."""
        return self._at_once(lambda its: its.get(name, tenant_id=tenant_id))

    def page_sync(
        self, *, past: str | None = None, limit: int = 100, tenant_id: str | None = None
    ) -> list[ScheduleRecord]:
        """`page` for programs without an event loop."""
        return self._at_once(lambda its: its.page(past=past, limit=limit, tenant_id=tenant_id))

    def pause_sync(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """`pause` for programs without an event loop."""
        return self._at_once(lambda its: its.pause(name, tenant_id=tenant_id))

    def resume_sync(self, name: str, *, tenant_id: str | None = None) -> ScheduleRecord:
        """`resume` for programs without an event loop."""
        return self._at_once(lambda its: its.resume(name, tenant_id=tenant_id))

    def trigger_sync(
        self,
        name: str,
        *,
        id: UUID | None = None,  # noqa: A002 - the field's name everywhere
        tenant_id: str | None = None,
    ) -> TaskHandle:
        """`trigger` for programs without an event loop."""
        return self._at_once(lambda its: its.trigger(name, id=id, tenant_id=tenant_id))

    def backfill_sync(self, name: str, *, since: datetime, until: datetime, tenant_id: str | None = None) -> Backfill:
        """`backfill` for programs without an event loop."""
        return self._at_once(lambda its: its.backfill(name, since=since, until=until, tenant_id=tenant_id))

    def windows_sync(
        self, name: str, *, before: datetime | None = None, limit: int = 100, tenant_id: str | None = None
    ) -> list[WindowRecord]:
        """`windows` for programs without an event loop."""
        return self._at_once(lambda its: its.windows(name, before=before, limit=limit, tenant_id=tenant_id))

    def explain_sync(
        self, name: str, window: datetime | str | None = None, *, tenant_id: str | None = None
    ) -> WindowExplanation:
        """`explain` for programs without an event loop."""
        return self._at_once(lambda its: its.explain(name, window, tenant_id=tenant_id))

    def delete_sync(self, name: str, *, tenant_id: str | None = None) -> None:
        """`delete` for programs without an event loop."""
        self._at_once(lambda its: its.delete(name, tenant_id=tenant_id))

    def _at_once(self, act: Callable[[Schedules], Coroutine[Any, Any, T]]) -> T:
        raise NotImplementedError
