"""Where handlers run: on the loop, in a thread, or in a child process whose timeout really ends it.

An attempt's timeout counts from when its function begins: not while it waits for a thread or a child process, nor while
a child process starts and loads the application.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import multiprocessing
import sys
from collections.abc import Awaitable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from pebble import ProcessExpired, ProcessPool

from rowlock.handlers.context import CURRENT, Context
from rowlock.handlers.handler import Handler

if TYPE_CHECKING:
    from rowlock.worker.attempt import Attempt


class AttemptTimedOut(Exception):
    """The function ran longer than the attempt's timeout. An async one was cancelled, a child process was killed."""


class ProcessDied(Exception):
    """The child process ended without an answer: killed, out of memory, or by os._exit."""


class Executors:
    """The threads and child processes of one worker; both are started by their first use."""

    def __init__(self, *, threads: int, child_processes: int, preload: Collection[str] = ()) -> None:
        """`preload` names the modules that child processes load when they start."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rowlock-handler")
        self._thread_slots = asyncio.Semaphore(threads)
        self._child_processes = child_processes
        self._child_slots = asyncio.Semaphore(child_processes)
        self._preload = sorted(preload)
        self._pool: ProcessPool | None = None

    async def run(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """What the handler returns; what it raises."""
        match handler.executor:
            case "async":
                attempt.begun = True
                arguments = (attempt.context,) if handler.takes_context else ()
                return await _within(attempt.task.timeout_seconds, handler.function(*arguments, **keywords))
            case "thread":
                async with self._thread_slots:
                    attempt.begun = True
                    return await self._in_thread(attempt, handler, keywords)
            case "process":
                async with self._child_slots:
                    attempt.begun = True
                    return await self._in_child(attempt, handler, keywords)

    async def _in_thread(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """A thread cannot be stopped: after a timeout it is abandoned, and the fence refuses what it says later."""
        attempt.in_thread = True
        arguments = (attempt.context,) if handler.takes_context else ()
        call = partial(contextvars.copy_context().run, handler.function, *arguments, **keywords)
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        return await _within(attempt.task.timeout_seconds, running)

    async def _in_child(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
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
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._pool is not None:
            self._pool.stop()
            self._pool.join(timeout=5)


async def _within(seconds: float | None, running: Awaitable[Any]) -> Any:
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            return await running
    except TimeoutError as error:
        if scope.expired():
            raise AttemptTimedOut from error
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
    token = CURRENT.set(made)  # what the handler enqueues gets its parent here too
    try:
        return function(*([made] if takes_context else []), **keywords)
    finally:
        CURRENT.reset(token)
