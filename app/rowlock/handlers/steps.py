"""The durable steps of one attempt: what earlier attempts finished is taken from the database, what is new is kept.

The finished steps are read once, by the attempt's first step; a task without steps asks for nothing. Of a step that
raises nothing is kept, and what it raised is the handler's.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from rowlock.domain.bounds import MAX_STEPS
from rowlock.domain.errors import StepNotKept
from rowlock.domain.steps import StepCounter, StepName
from rowlock.handlers.exits import kept_in
from rowlock.handlers.step_results import decode_result, encode_result
from rowlock.store.steps import FinishedStep, Json

if TYPE_CHECKING:
    from rowlock.handlers.context import Context, Reporter

Function = Callable[..., Any]  # of whatever the handler calls
_NOT_YET = object()


class Steps:
    """One attempt's steps. Names may be taken from any thread; all else happens on the attempt's event loop."""

    def __init__(self, context: Context, reporter: Reporter) -> None:
        self._context = context
        self._reporter = reporter
        self._counter = StepCounter()
        self._counting = threading.Lock()
        self._loading = asyncio.Lock()
        self._finished: dict[StepName, Json] | None = None
        self._count = 0

    def use(self, name: str) -> StepName:
        """The step that this use of the name is. Raises `InvalidArgument`."""
        with self._counting:
            return self._counter.use(name)

    def key(self, name: str) -> str:
        """What names the step to others: inside it its own key, elsewhere that of the name's next use."""
        running = _RUNNING.get()
        with self._counting:
            step = self._counter.next(name)
        if running is not None and running[0] is self and running[1].name == name:
            step = running[1]
        return f"{self._context.task_id}/{step}"

    async def take(self, step: StepName, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What the step returned, now or in an earlier attempt."""
        result = await self._earlier(step)
        if result is _NOT_YET:
            begun = time.monotonic()
            with self._running(step):
                value = await self._awaited(function, args, kwargs)
            result = await self._keep(step, function, value, time.monotonic() - begun)
        return decode_result(function, result, what=self._what(step))

    def take_sync(self, step: StepName, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """`take` for a handler in a thread: a plain function runs in that thread, an async one on the worker's loop."""
        context = self._context
        result = context.wait_for(self._earlier(step))
        if result is _NOT_YET:
            begun = time.monotonic()
            with self._running(step):
                value = function(*args, **kwargs)
                if inspect.isawaitable(value):
                    value = context.wait_for(value)
            result = context.wait_for(self._keep(step, function, value, time.monotonic() - begun))
        return decode_result(function, result, what=self._what(step))

    async def _earlier(self, step: StepName) -> Json:
        async with self._loading:
            if self._finished is None:
                self._finished = await self._reporter.load_steps(self._context)
                self._count = len(self._finished)
        result = self._finished.pop(step, _NOT_YET)  # nobody asks for it again, and it may be large
        if result is _NOT_YET:
            if self._count >= MAX_STEPS:
                raise StepNotKept(
                    f"Task {self._context.task_id} has {MAX_STEPS} steps, and no task may have more. Cut the work into "
                    "tasks, or let one step do more of it."
                )
            self._count += 1
        return result

    async def _awaited(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What the function returns; a plain one runs in a thread, so that it may block."""
        with kept_in("step"):
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            value = await self._reporter.run_in_thread(partial(copy_context().run, function, *args, **kwargs))
            return await value if inspect.isawaitable(value) else value

    async def _keep(self, step: StepName, function: Function, value: object, run_seconds: float) -> Json:
        text = encode_result(function, value, what=self._what(step), max_bytes=self._reporter.max_step_bytes)
        return await self._reporter.record_step(self._context, FinishedStep(step, text, run_seconds))

    def _what(self, step: StepName) -> str:
        return f"result of step {str(step)!r} of task {self._context.task_id}"

    @contextmanager
    def _running(self, step: StepName) -> Iterator[None]:
        token = _RUNNING.set((self, step))
        try:
            yield
        finally:
            _RUNNING.reset(token)


_RUNNING: ContextVar[tuple[Steps, StepName] | None] = ContextVar("rowlock_step", default=None)
