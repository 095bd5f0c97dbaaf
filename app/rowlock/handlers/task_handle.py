"""What an enqueue gives back: a handle, to ask how the task stands, to wait for its end, and to cancel it.

Each call has a `_sync` twin, which blocks its thread, for programs without an event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rowlock.domain.bounds import duration
from rowlock.domain.errors import RowlockError
from rowlock.store.tasks import TaskRecord

if TYPE_CHECKING:
    from rowlock.client import Rowlock

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class TaskHandle:
    """A task that was enqueued. `created` is False where a key, or a trigger's id, named an earlier task."""

    app: Rowlock
    id: UUID
    created: bool
    tenant_id: str

    async def get(self) -> TaskRecord:
        """How the task stands now."""
        return await self.app.get(self.id, tenant_id=self.tenant_id)

    def get_sync(self) -> TaskRecord:
        """`get` for programs without an event loop."""
        return self.app.get_sync(self.id, tenant_id=self.tenant_id)

    async def wait(self, timeout: timedelta | float | None = None) -> TaskRecord:  # noqa: ASYNC109 - part of the API
        """Waits until the task has finished, asking with growing pauses up to a second; raises `TimeoutError`.

        A timeout of zero asks once.
        """
        seconds = _seconds(timeout)
        pauses = _pauses(seconds)
        async with asyncio.timeout(seconds or None):  # zero would cut even the first look short
            task = await self.get()
            while not task.finished:
                await asyncio.sleep(next(pauses))
                task = await self.get()
        return task

    def wait_sync(self, timeout: timedelta | float | None = None) -> TaskRecord:
        """`wait` for programs without an event loop."""
        pauses = _pauses(_seconds(timeout))
        task = self.get_sync()
        while not task.finished:
            time.sleep(next(pauses))
            task = self.get_sync()
        return task

    async def result(self, timeout: timedelta | float | None = None) -> Any:  # noqa: ASYNC109 - part of the API
        """What the handler returned, as JSON gives it back, brought up to the handler's `result_version`.

        Raises `TaskNotSucceeded` for a dead or cancelled task, and `UnknownResultVersion`.
        """
        return self._result_of(await self.wait(timeout))

    def result_sync(self, timeout: timedelta | float | None = None) -> Any:
        """`result` for programs without an event loop."""
        return self._result_of(self.wait_sync(timeout))

    async def cancel(self, *, reason: str | None = None) -> str:
        """As `Rowlock.cancel`."""
        return await self.app.cancel(self.id, reason=reason, tenant_id=self.tenant_id)

    def cancel_sync(self, *, reason: str | None = None) -> str:
        """`cancel` for programs without an event loop."""
        return self.app.cancel_sync(self.id, reason=reason, tenant_id=self.tenant_id)

    def _result_of(self, task: TaskRecord) -> Any:
        if task.status != "succeeded":
            raise TaskNotSucceeded(f"Task {task.id} ended as {task.status}: {task.error or task.reason}.")
        handler = self.app.handlers.get(task.name)
        if handler is None or task.result is None:
            return task.result
        version = task.result_version or 1  # those of workers that knew of no versions have none
        if not handler.results.knows(version):
            raise UnknownResultVersion(
                f"The result of task {task.id} has version {version}, and handler {task.name!r} is declared here with "
                f"versions {handler.results.oldest} to {handler.results.current}: deploy the code that made it here "
                "too, or declare an upcast from that version."
            )
        return handler.results.brought_up(task.result, version)


class UnknownResultVersion(RowlockError):
    """The result has a shape that this application does not know."""

    problem, title, status, exit_code = "unknown-result-version", "Unknown result version", 409, 4


class TaskNotSucceeded(RowlockError):
    """The task whose result was waited for is dead or cancelled."""

    problem, title, status, exit_code = "task-not-succeeded", "Task did not succeed", 409, 4


def _seconds(timeout: timedelta | float | None) -> float | None:
    if timeout is None:
        return None
    if not isinstance(timeout, timedelta):
        timeout = duration(timeout, field="timeout")
    return max(0.0, timeout.total_seconds())


def _pauses(seconds: float | None) -> Iterator[float]:
    """How long to sleep before each further look. Raises `TimeoutError` once so many seconds have passed from now."""
    return _pauses_until(None if seconds is None else time.monotonic() + seconds)


def _pauses_until(end: float | None) -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        left = pause if end is None else end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        yield min(pause, left)
        pause = min(LONGEST_PAUSE, pause * 1.5)
