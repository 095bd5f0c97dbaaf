"""Where handlers run: on the loop, in a thread, or in a child process whose timeout really ends it.

An attempt's timeout counts from when its function begins: not while it waits for a thread or a child process, nor while
a child process starts and loads the application. The task's deadline counts always, and whichever comes first ends the
attempt.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
from collections.abc import Awaitable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

from rowlock.handlers.context import CURRENT, Context
from rowlock.handlers.handler import Handler
from rowlock.worker.threads import HandlerThreads

if TYPE_CHECKING:
    from pebble import ProcessPool

    from rowlock.worker.attempt import Attempt


class AttemptTimedOut(Exception):
    """The function ran longer than the attempt's timeout. An async one was cancelled, a child process was killed."""


class AttemptOverdue(Exception):
    """The task's deadline passed while its function ran, or waited for a place to run."""


class ProcessDied(Exception):
    """The child process ended without an answer: killed, out of memory, or by os._exit."""


class Executors:
    """The threads and child processes of one worker; both are started by their first use."""

    def __init__(self, *, threads: int, child_processes: int, preload: Collection[str] = ()) -> None:
        """`preload` names the modules that child processes load when they start."""
        self.threads = HandlerThreads(threads)
        self._child_processes = child_processes
        self._child_slots = asyncio.Semaphore(child_processes)
        self._preload = sorted(preload)
        self._pool: ProcessPool | None = None

    async def run(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """What the handler returns; what it raises."""
        left = attempt.seconds_left
        if left is None:
            return await self._run(attempt, handler, keywords)
        if left <= 0:
            raise AttemptOverdue
        return await _within(left, self._run(attempt, handler, keywords), AttemptOverdue)

    async def _run(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        match handler.executor:
            case "async":
                attempt.begin(handler)
                arguments = (attempt.context,) if handler.takes_context else ()
                running = handler.function(*arguments, **keywords)
                return await _within(attempt.task.timeout_seconds, running, AttemptTimedOut)
            case "thread":
                return await self._in_thread(attempt, handler, keywords)
            case "process":
                async with self._child_slots:
                    attempt.begin(handler)
                    return await self._in_child(attempt, handler, keywords)

    async def _in_thread(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """A thread cannot be stopped: after a timeout it is abandoned, and the fence refuses what it says later."""
        context = attempt.context  # made here, so that no other thread makes one
        arguments = (context,) if handler.takes_context else ()
        call = partial(contextvars.copy_context().run, handler.function, *arguments, **keywords)
        scope = asyncio.timeout(None)

        def begin() -> None:
            attempt.begin(handler)
            seconds = attempt.task.timeout_seconds
            if seconds is not None:
                scope.reschedule(asyncio.get_running_loop().time() + seconds)

        return await _in_scope(scope, self.threads.run(call, begin=begin), AttemptTimedOut)

    async def _in_child(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        # Loaded by their first use: most workers have no such handlers.
        import multiprocessing

        from pebble import ProcessExpired, ProcessPool

        if self._pool is None:
            # Not fork: the worker has threads and open connections.
            self._pool = ProcessPool(
                self._child_processes,
                initializer=start_child,
                initargs=(list(sys.path), self._preload),
                context=multiprocessing.get_context("spawn"),
            )
        context = attempt.context
        known = {
            "task_id": context.task_id,
            "tenant_id": context.tenant_id,
            "queue": context.queue,
            "name": context.name,
            "attempt": context.attempt,
            "max_attempts": context.max_attempts,
            "metadata": context.metadata,
            "deadline": context.deadline,
            "lease_token": context.lease_token,
            "workflow_id": context.workflow_id,
        }
        function = handler.function
        future = self._pool.schedule(
            run_in_child,
            args=(
                function.__module__,
                function.__qualname__,
                known,
                handler.takes_context,
                keywords,
            ),
            timeout=attempt.task.timeout_seconds,
        )
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.cancel()  # pebble ends the process
            raise
        except TimeoutError as error:
            raise AttemptTimedOut from error
        except ProcessExpired as error:
            raise ProcessDied(
                f"The child process ended with exit code {error.exitcode} and without an answer."
            ) from error

    def close(self) -> None:
        """Ends child processes, and lets abandoned threads be."""
        self.threads.close()
        if self._pool is not None:
            self._pool.stop()
            self._pool.join(timeout=5)


async def _within(seconds: float | None, running: Awaitable[Any], late: type[Exception]) -> Any:
    if seconds is None:
        return await running
    return await _in_scope(asyncio.timeout(seconds), running, late)


async def _in_scope(scope: asyncio.Timeout, running: Awaitable[Any], late: type[Exception]) -> Any:
    try:
        async with scope:
            return await running
    except TimeoutError as error:
        if scope.expired():
            raise late from error
        raise


def start_child(path: list[str], modules: list[str]) -> None:
    """Runs in the child when it starts: loads what its handlers need, before any timeout counts."""
    sys.path[:] = path
    for module in modules:
        importlib.import_module(module)


def run_in_child(
    module: str, qualname: str, context: dict[str, Any], takes_context: bool, keywords: dict[str, Any]
) -> Any:
    """Runs in the child: finds the function by name and calls it."""
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    function = getattr(found, "handler", None)
    function = function.function if function is not None else found
    made = Context(**context)
    token = CURRENT.set(lambda: made)  # what the handler enqueues gets its parent here too
    try:
        return function(*([made] if takes_context else []), **keywords)
    finally:
        CURRENT.reset(token)
