"""What an application does with tasks that are there: look them up, cancel them, put them back to work.

The `_sync` twins block their thread, for programs without an event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from rowlock.config import Settings
from rowlock.domain.bounds import check_tenant
from rowlock.handlers.backend import Backend
from rowlock.handlers.context import current_context
from rowlock.store.tasks import ChildResult, TaskRecord


class Operating:
    """These calls of `Rowlock`, each for a tenant: the one that is given, else that of the running task or setting."""

    settings: Settings
    _backend: Backend

    async def get(self, task_id: UUID, *, tenant_id: str | None = None) -> TaskRecord:
        """The task, live or finished. Raises `NotFound`."""
        return await self._backend.get(self._tenant_or(tenant_id), task_id)

    def get_sync(self, task_id: UUID, *, tenant_id: str | None = None) -> TaskRecord:
        """`get` for programs without an event loop."""
        return self._backend.get_sync(self._tenant_or(tenant_id), task_id)

    async def children(self, task_id: UUID, name: str | None = None, *, tenant_id: str | None = None) -> dict[str, int]:
        """How many tasks that this task's handler enqueued are in each status; `name` counts those of one handler."""
        return await self._backend.count_children(self._tenant_or(tenant_id), task_id, name)

    def children_sync(self, task_id: UUID, name: str | None = None, *, tenant_id: str | None = None) -> dict[str, int]:
        """`children` for programs without an event loop."""
        return self._backend.count_children_sync(self._tenant_or(tenant_id), task_id, name)

    def child_results(self, task_id: UUID, name: str, *, tenant_id: str | None = None) -> AsyncIterator[ChildResult]:
        """The finished children of one name, in order of their ids, read a page at a time."""
        return self._backend.child_results(self._tenant_or(tenant_id), task_id, name)

    def child_results_sync(self, task_id: UUID, name: str, *, tenant_id: str | None = None) -> Iterator[ChildResult]:
        """`child_results` for programs without an event loop."""
        return self._backend.child_results_sync(self._tenant_or(tenant_id), task_id, name)

    async def cancel(self, task_id: UUID, *, reason: str | None = None, tenant_id: str | None = None) -> str:
        """Cancels a task: `cancelled` at once, or `cancel_requested` where it runs. Raises `TaskNotCancellable`."""
        return await self._backend.cancel(self._tenant_or(tenant_id), task_id, reason)

    def cancel_sync(self, task_id: UUID, *, reason: str | None = None, tenant_id: str | None = None) -> str:
        """`cancel` for programs without an event loop."""
        return self._backend.cancel_sync(self._tenant_or(tenant_id), task_id, reason)

    async def redrive(self, task_id: UUID, *, tenant_id: str | None = None) -> None:
        """Puts a dead or cancelled task back to work. Raises `TaskNotRedrivable`."""
        await self._backend.redrive(self._tenant_or(tenant_id), task_id)

    def redrive_sync(self, task_id: UUID, *, tenant_id: str | None = None) -> None:
        """`redrive` for programs without an event loop."""
        self._backend.redrive_sync(self._tenant_or(tenant_id), task_id)

    @property
    def tenant(self) -> str:
        """The tenant to act for: that of the running task inside a handler, else the setting's."""
        current = current_context()
        return current.tenant_id if current else self.settings.tenant

    def _tenant_or(self, tenant_id: str | None) -> str:
        return self.tenant if tenant_id is None else check_tenant(tenant_id, field="tenant_id")
