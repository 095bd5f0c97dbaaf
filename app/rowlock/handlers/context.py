"""What a running handler knows of its attempt, and what it may say while it runs."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ParamSpec, Protocol, TypeVar, overload
from uuid import UUID

from rowlock.domain.payloads import encode_json
from rowlock.domain.steps import StepName
from rowlock.handlers.exits import kept_in
from rowlock.handlers.steps import Steps
from rowlock.store.steps import FinishedStep, Json
from rowlock.store.tasks import ChildResult
from rowlock.telemetry.logs import get_logger

P = ParamSpec("P")
T = TypeVar("T")
MAX_PROGRESS_BYTES = 4_096
_MAKING_STEPS = threading.Lock()  # a handler's own threads may take their first steps at once
_log = get_logger("rowlock.handler")


class Reporter(Protocol):
    """The way from an attempt to the database, and to threads of its worker."""

    async def report_progress(self, context: Context, progress: str) -> None: ...

    async def count_children(self, context: Context, name: str | None) -> dict[str, int]: ...

    def child_results(self, context: Context, name: str) -> AsyncIterator[ChildResult]: ...

    @property
    def max_step_bytes(self) -> int: ...

    async def run_in_thread(self, function: Callable[[], Any]) -> Any: ...

    async def load_steps(self, context: Context) -> dict[StepName, Json]: ...

    async def record_step(self, context: Context, done: FinishedStep) -> Json: ...


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
    _stopping: asyncio.Event | None = field(default=None, repr=False)
    _stopped: bool = field(default=False, repr=False)
    _seen_stopped: bool = field(default=False, repr=False)
    _steps: Steps | None = field(default=None, repr=False)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the task to stop, its worker stops, or its lease was lost."""
        if not self._stopped:
            return False
        self._note_seen()
        return True

    async def wait_cancelled(self) -> None:
        """Returns once `cancelled` is true; to be awaited beside the work. On the worker's loop only."""
        if not self._stopped:
            if self._stopping is None:
                self._stopping = asyncio.Event()
            await self._stopping.wait()
        self._note_seen()

    def _note_seen(self) -> None:
        """The handler has seen that it is to stop, in a thread or in what a thread waits for. What else looks on the
        worker's loop is a middleware: of what that sees the handler knows nothing."""
        if asyncio._get_running_loop() is not self._loop or _FOR_THREAD.get():
            self._seen_stopped = True

    def _stop(self) -> None:
        self._stopped = True
        if self._stopping is not None:
            self._stopping.set()

    @property
    def log(self) -> Any:  # structlog's bound logger
        """A logger whose lines carry the task, the attempt, the tenant and the worker."""
        return _log

    async def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Keeps how far the attempt is, for `rowlock watch`, the page and the API. Raises `LeaseLost`.

        While the database is in trouble, or a transaction has locked the task, it is not kept, and the handler goes on.
        """
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

    @overload
    def step(
        self, name: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...

    @overload
    def step(
        self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]: ...

    def step(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Runs `function(*args, **kwargs)` once for the task, whatever attempts follow.

        What it returns is kept, and every later attempt gets that in its place, as JSON gives it back. Nothing is kept
        of a function that raises. A plain function runs in a thread. A name that is used again in one attempt is
        another step (`charge#2`), counted in the order of these calls. Raises `LeaseLost` and `StepNotKept`.
        """
        steps = self._own_steps()
        return steps.take(steps.use(name), function, args, kwargs)  # counted by the call, not by its await

    @overload
    def step_sync(self, name: str, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    def step_sync(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def step_sync(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """`step` for a handler that runs in a thread. An async function runs on the worker's loop."""
        steps = self._own_steps()
        return steps.take_sync(steps.use(name), function, args, kwargs)

    def step_key(self, name: str) -> str:
        """A key for others to know the step by, the same in every attempt: for their idempotency keys.

        Inside the step its own; elsewhere that of the step which the next use of the name will be.
        """
        return self._own_steps().key(name)

    async def children(self, name: str | None = None) -> dict[str, int]:
        """How many tasks that this one enqueued are in each status."""
        return await self._connected().count_children(self, name)

    def children_sync(self, name: str | None = None) -> dict[str, int]:
        """`children` for a handler that runs in a thread."""
        counted: dict[str, int] = self.wait_for(self.children(name))
        return counted

    def child_results(self, name: str) -> AsyncIterator[ChildResult]:
        """The finished children of one name, in order of their ids."""
        return self._connected().child_results(self, name)

    def child_results_sync(self, name: str) -> Iterator[ChildResult]:
        """`child_results` for a handler that runs in a thread."""
        results = self.child_results(name)
        while (child := self.wait_for(anext(results, None))) is not None:
            yield child

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        """Runs a coroutine on the worker's loop, from the handler's thread."""
        if self._loop is None:
            raise RuntimeError("This context has no event loop: it runs in a child process or a test.")
        if asyncio._get_running_loop() is self._loop:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError("This would block the worker's event loop: in an async handler, await the other method.")

        async def awaited() -> Any:
            _FOR_THREAD.set(True)
            with kept_in("coroutine"):
                return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def _connected(self) -> Reporter:
        if self._reporter is None:
            raise RuntimeError(
                "This context is not connected: handlers in child processes cannot report progress or take steps."
            )
        return self._reporter

    def _own_steps(self) -> Steps:
        with _MAKING_STEPS:
            if self._steps is None:
                self._steps = Steps(self, self._connected())
            return self._steps


_FOR_THREAD: ContextVar[bool] = ContextVar("rowlock_for_thread", default=False)
"""Whether a handler's thread waits for what runs here."""
CURRENT: ContextVar[Callable[[], Context] | None] = ContextVar("rowlock_context", default=None)
"""The way to the context of the attempt that runs here: most handlers never ask for it, and then it is never made."""
CallNext = Callable[[], Awaitable[Any]]
Middleware = Callable[[Context, CallNext], Awaitable[Any]]


def current_context() -> Context | None:
    """The context of the attempt that runs here; None outside of handlers."""
    find = CURRENT.get()
    return None if find is None else find()
