"""What a running handler knows of its attempt, and what it may say while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from rowlock.domain.payloads import encode_json
from rowlock.store.tasks import ChildResult
from rowlock.telemetry.logs import get_logger

MAX_PROGRESS_BYTES = 4_096
_log = get_logger("rowlock.handler")


class Reporter(Protocol):
    """The way from an attempt to the database."""

    async def report_progress(self, context: Context, progress: str) -> None: ...

    async def count_children(self, context: Context, name: str | None) -> dict[str, int]: ...

    def child_results(self, context: Context, name: str) -> AsyncIterator[ChildResult]: ...


@dataclass(eq=False, slots=True, kw_only=True)
class Context:
    """One attempt of one task. Declare it as a handler's first parameter to receive it.

    `deadline` is when the attempt times out, or the task's own deadline if that comes first (aware UTC, by the
    database's clock); None without either.
    """

    task_id: UUID
    tenant_id: str
    queue: str
    name: str
    attempt: int
    max_attempts: int
    metadata: dict[str, Any]
    deadline: datetime | None
    lease_token: int
    workflow_id: UUID | None = None
    _reporter: Reporter | None = field(default=None, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the task to stop, or its lease was lost: what it does from now on is for nothing."""
        return self._stopping.is_set()

    async def wait_cancelled(self) -> None:
        """Returns once `cancelled` is true; to be awaited beside the work. On the worker's loop only."""
        await self._stopping.wait()

    def _stop(self) -> None:
        self._stopping.set()

    @property
    def log(self) -> Any:  # structlog's bound logger
        """A logger whose lines carry the task, the attempt, the tenant and the worker."""
        return _log

    async def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Keeps how far the attempt is, for `rowlock watch`, the page and the API. Raises `LeaseLost`."""
        said = {"done": done, "total": total, "message": message}
        text = encode_json(
            {key: value for key, value in said.items() if value is not None},
            what="progress",
            max_bytes=MAX_PROGRESS_BYTES,
        ).decode()
        await self._connected().report_progress(self, text)

    def progress_sync(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """`progress` for a handler that runs in a thread."""
        self.wait_for(self.progress(done, total, message))

    async def children(self, name: str | None = None) -> dict[str, int]:
        """How many tasks that this one enqueued are in each status."""
        return await self._connected().count_children(self, name)

    def child_results(self, name: str) -> AsyncIterator[ChildResult]:
        """The finished children of one name, in order of their ids."""
        return self._connected().child_results(self, name)

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Runs a coroutine on the worker's loop, from the handler's thread."""
        if self._loop is None:
            raise RuntimeError("This context has no event loop: it runs in a child process or a test.")

        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def _connected(self) -> Reporter:
        if self._reporter is None:
            raise RuntimeError("This context is not connected: handlers in child processes cannot report progress.")
        return self._reporter


CURRENT: ContextVar[Context | None] = ContextVar("rowlock_context", default=None)
CallNext = Callable[[], Awaitable[Any]]
Middleware = Callable[[Context, CallNext], Awaitable[Any]]
