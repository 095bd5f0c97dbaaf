"""Where handlers run: on the loop, in a thread, or in a child process whose timeout really ends it.

An attempt's timeout counts from when its function begins: not while it waits for a thread or a child process, nor while
a child process starts and loads the application. The task's deadline counts always, and whichever comes first ends the
attempt.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

from rowlock.handlers.handler import Handler
from rowlock.worker.child import call_of
from rowlock.worker.processes import HandlerProcesses
from rowlock.worker.threads import HandlerThreads

if TYPE_CHECKING:
    from rowlock.worker.attempt import Attempt

NOTHING: frozenset[str] = frozenset()
PAUSE_SECONDS = 3.0  # after something could not begin, for which others are left to take what is like it


class AttemptTimedOut(Exception):
    """The function ran longer than the attempt's timeout. An async one was cancelled, a child process was killed."""


class AttemptOverdue(Exception):
    """The task's deadline passed while its function ran, or waited for a place to run."""


class Executors:
    """The threads and child processes of one worker; both are started by their first use."""

    def __init__(
        self,
        *,
        threads: int,
        step_threads: int,
        child_processes: int,
        preload: Collection[str] = (),
        starts_again: Callable[[], None] = lambda: None,
    ) -> None:
        """`preload` names the modules that child processes load when they start. `starts_again` is called when threads
        or child processes start after they did not, and when a pause is over that was made for them. Steps have threads
        of their own, for handlers in threads may wait for them."""
        self.threads = HandlerThreads(threads, starts_again=starts_again)
        self.step_threads = HandlerThreads(step_threads, what="step", starts_again=starts_again)
        self.processes = HandlerProcesses(child_processes, preload=preload, starts_again=starts_again)
        self._starts_again = starts_again
        self._pausing: asyncio.TimerHandle | None = None

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
                return await self._in_child(attempt, handler, keywords)

    async def _in_thread(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        """A thread cannot be stopped: after a timeout it is abandoned, and the fence refuses what it says later."""
        context = attempt.context  # made here, so that no other thread makes one
        arguments = (context,) if handler.takes_context else ()
        call = partial(contextvars.copy_context().run, handler.function, *arguments, **keywords)
        scope = asyncio.timeout(None)

        def begin() -> None:
            attempt.begin(handler)
            _count(scope, attempt)

        return await _in_scope(scope, self.threads.run(call, begin=begin), AttemptTimedOut)

    async def _in_child(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        call = call_of(attempt, handler, keywords)
        scope = asyncio.timeout(None)
        running = self.processes.run(call, begin=partial(attempt.begin, handler), begun=partial(_count, scope, attempt))
        return await _in_scope(scope, running, AttemptTimedOut)

    @property
    def places(self) -> dict[str, int]:
        """How many functions may run at once in threads ("thread") and in child processes ("process")."""
        return {"thread": self.threads.left, "process": self.processes.size}

    @property
    def lacking(self) -> frozenset[str]:
        """What cannot be started: threads for handlers ("thread") or steps ("step"), child processes ("process")."""
        if self.trouble is None:
            return NOTHING
        kinds: dict[str, HandlerThreads | HandlerProcesses] = {
            "thread": self.threads,
            "step": self.step_threads,
            "process": self.processes,
        }
        return frozenset(kind for kind, of_it in kinds.items() if of_it.trouble is not None)

    def pause(self) -> None:
        """Something could not begin."""
        if self._pausing is not None:
            self._pausing.cancel()
        self._pausing = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._go_on)

    @property
    def pausing(self) -> bool:
        """Whether something could not begin a moment ago."""
        return self._pausing is not None

    def _go_on(self) -> None:
        self._pausing = None
        self._starts_again()

    @property
    def trouble(self) -> str | None:
        """Why functions could not begin lately; None where they can."""
        return self.processes.trouble or self.threads.trouble or self.step_threads.trouble

    def close(self) -> None:
        """Ends child processes, and lets abandoned threads be."""
        if self._pausing is not None:
            self._pausing.cancel()
        self.threads.close()
        self.step_threads.close()
        self.processes.close()


def _count(scope: asyncio.Timeout, attempt: Attempt) -> None:
    """The attempt's timeout counts from now."""
    seconds = attempt.task.timeout_seconds
    if seconds is not None:
        scope.reschedule(asyncio.get_running_loop().time() + seconds)


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
