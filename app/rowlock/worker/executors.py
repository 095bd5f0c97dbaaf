"""Where handlers run: on the loop, in a thread, or in a child process whose timeout really ends it."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from pebble import ProcessExpired, ProcessPool

from rowlock.handlers.context import Context
from rowlock.handlers.handler import Handler

if TYPE_CHECKING:
    from rowlock.worker.attempt import Attempt


class ProcessTimedOut(Exception):
    """The child process ran beyond the attempt's timeout and was killed."""


class ProcessDied(Exception):
    """The child process ended without an answer: killed, out of memory, or by os._exit."""


class Executors:
    """The threads and child processes of one worker; both are started by their first use."""

    def __init__(self, *, threads: int, child_processes: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rowlock-handler")
        self._thread_slots = asyncio.Semaphore(threads)
        self._child_processes = child_processes
        self._child_slots = asyncio.Semaphore(child_processes)
        self._pool: ProcessPool | None = None

    async def run(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """What the handler returns; what it raises."""
        match handler.executor:
            case "async":
                attempt.begun = True
                arguments = (attempt.context,) if handler.takes_context else ()
                return await handler.function(*arguments, **keywords)
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
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _in_child(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        if self._pool is None:
            # Not fork: the worker has threads and open connections.
            self._pool = ProcessPool(self._child_processes, context=multiprocessing.get_context("spawn"))
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
                list(sys.path),
                function.__module__,
                function.__qualname__,
                known if handler.takes_context else None,
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
            raise ProcessTimedOut from error
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


def run_in_child(
    path: list[str], module: str, qualname: str, context: dict[str, Any] | None, keywords: dict[str, Any]
) -> Any:
    """Runs in the child: finds the function by name and calls it."""
    sys.path[:] = path
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    function = getattr(found, "handler", None)
    function = function.function if function is not None else found
    os.environ.setdefault("ROWLOCK_CHILD", "1")
    return function(*([Context(**context)] if context is not None else []), **keywords)
