"""One attempt, from the lease to the ending that is to be written.

The pipeline: find the handler, read the arguments, run the function inside middleware, trace and log context under its
timeout, and let `decide` say what follows. Nothing here writes to the database.

Whoever wants it to stop asks first: `Context.cancelled` turns true, and an async handler that does not take the
Context is cancelled, for it could not look. A cancelled task has its grace to obey; then async handlers are cancelled,
child processes killed, threads abandoned. An async handler that goes on even so is abandoned too: its attempt ends
without it. Where the worker stops there is no such grace; but a thread, which nothing else can stop, has until the
worker abandons what still runs. If it has seen that it is to stop, the task is given back, whatever comes of it; so it
is where an async handler answers its cancellation with an error.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import partial
from typing import Any

from opentelemetry.trace import Span

from rowlock.domain.decide import (
    CancelRequested,
    DeadlinePassed,
    Raised,
    Result,
    Returned,
    TimedOut,
    decide,
    returned,
)
from rowlock.domain.error_text import error_text
from rowlock.domain.errors import InvalidPayload, StepNotKept
from rowlock.domain.outcomes import Cancel, Fail, Outcome, Snooze
from rowlock.engine.endings import ending_of
from rowlock.engine.writing import Ending
from rowlock.handlers.context import CURRENT, CallNext, Context, Middleware, Reporter
from rowlock.handlers.handler import Handler
from rowlock.store.leases import ClaimedTask
from rowlock.telemetry.context import LogContext, bind_later, unbind
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.tracing import fail_span, task_span
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.executors import AttemptOverdue, AttemptTimedOut, Executors

log = get_logger("rowlock.worker")


class Stop(IntEnum):
    """Why a running attempt is being stopped from outside; the greater one has the say."""

    CANCEL_REQUESTED = 1
    WORKER_STOPS = 2
    LEASE_LOST = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all attempts of a worker have in common.

    `on_abandoned` is called when the handler cannot be stopped; its asyncio task then goes on, and what it returns is
    nobody's.
    """

    reporter: Reporter
    loop: asyncio.AbstractEventLoop
    worker: str
    max_result_bytes: int
    leads_to: tuple[str, str] | None = None  # URL and schema of the installation that it works for
    grace_seconds: float = 10
    force_seconds: float = 5
    on_abandoned: Callable[[Attempt, Result], None] | None = None


class Attempt:
    """A task that this worker holds: the asyncio task it runs in, its context, when its lease was last renewed.

    There are tens of thousands a second where handlers are small: what few of them need is made when it is asked for.
    """

    __slots__ = (
        "_around",
        "_context",
        "_forced",
        "_handler",
        "_timers",
        "begun",
        "cancel_requested",
        "claimed_at",
        "held_since",
        "job",
        "stop",
        "task",
    )

    def __init__(self, task: ClaimedTask, around: Surroundings) -> None:
        self.task = task
        self.begun = False
        self.cancel_requested = False
        self.stop: Stop | None = None
        self.held_since = self.claimed_at = time.monotonic()
        self.job: asyncio.Task[None] | None = None
        self._around = around
        self._context: Context | None = None
        self._forced = False
        self._handler: Handler | None = None
        self._timers: list[asyncio.TimerHandle] | None = None

    @property
    def context(self) -> Context:
        """What the handler may know."""
        if self._context is not None:
            return self._context
        task = self.task
        bounds = [seconds for seconds in (task.timeout_seconds, task.deadline_seconds) if seconds is not None]
        self._context = Context(
            task_id=task.id,
            tenant_id=task.tenant_id,
            queue=task.queue,
            name=task.name,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
            metadata=task.metadata or {},
            deadline=datetime.fromtimestamp(task.claimed_epoch + min(bounds), UTC) if bounds else None,
            lease_token=task.lease_token,
            workflow_id=task.workflow_id,
            _reporter=self._around.reporter,
            _loop=self._around.loop,
        )
        if self.stop is not None:
            self._context._stop()
        return self._context

    @property
    def leads_to(self) -> tuple[str, str] | None:
        """The installation, by URL and schema, that the worker works for."""
        return self._around.leads_to

    def log_context(self) -> LogContext:
        """What log lines of the attempt carry."""
        task = self.task
        return {
            "task_id": task.id,
            "attempt": task.attempt,
            "tenant_id": task.tenant_id,
            "worker": self._around.worker,
            "task_name": task.name,
        }

    @property
    def seconds_left(self) -> float | None:
        """Until the task's deadline; None without one."""
        seconds = self.task.deadline_seconds
        return None if seconds is None else seconds - (time.monotonic() - self.claimed_at)

    # -- being stopped

    def request_stop(self, why: Stop) -> None:
        """Asks the handler to stop, and sees to it that its attempt ends."""
        if self.stop is not None and self.stop >= why:
            return
        self.stop = why
        self.cancel_requested = self.cancel_requested or why is Stop.CANCEL_REQUESTED
        if self._context is not None:
            self._context._stop()
        if self.job is None:
            return  # it waits for a runner, which will not begin it
        self._forget_timers()
        if why is Stop.WORKER_STOPS and self.begun and self.runs_in_thread:
            return  # to abandon it would give the task to others while it runs
        if why is not Stop.CANCEL_REQUESTED:
            self._force()
            return
        if not self.begun or self._cannot_look:
            self._cancel_job()
        self._after(self._around.grace_seconds, self._force)

    def begin(self, handler: Handler) -> None:
        """The function begins now. An async one that does not heed its timeout is abandoned."""
        self.begun = True
        self._handler = handler
        if not self._runs_on_loop:
            return
        if self.task.timeout_seconds is not None:
            self._after(self.task.timeout_seconds + self._around.force_seconds, self._abandon, self._timed_out())
        if (left := self.seconds_left) is not None:
            self._after(left + self._around.force_seconds, self._abandon, DeadlinePassed())

    @property
    def runs_in_thread(self) -> bool:
        """Whether its function does."""
        return self._handler is not None and self._handler.executor == "thread"

    def _was_interrupted(self, result: Result) -> bool:
        """Whether it comes of the worker's stop: what a thread returns or raises that has seen it may be half its work,
        and an error of an async handler that was cancelled is its way of ending."""
        if self.stop is not Stop.WORKER_STOPS or self.cancel_requested:
            return False
        if self.runs_in_thread:
            return isinstance(result, Returned | Raised) and self.context._seen_stopped
        return self._forced and isinstance(result, Raised) and not isinstance(result.error, Outcome)

    @property
    def _runs_on_loop(self) -> bool:
        return self._handler is not None and self._handler.executor == "async"

    @property
    def _cannot_look(self) -> bool:
        return self._runs_on_loop and self._handler is not None and not self._handler.takes_context

    def _force(self) -> None:
        self._forced = self.begun
        self._cancel_job()
        if self.stop is not Stop.WORKER_STOPS:  # which abandons by itself, as its last stage
            self._after(self._around.force_seconds, self._abandon, CancelRequested(forced=True))

    def _abandon(self, result: Result) -> None:
        if self._around.on_abandoned is not None:
            self._around.on_abandoned(self, result)

    def abandon(self) -> None:
        """Ends the attempt now, though its handler goes on."""
        self._abandon(CancelRequested(forced=True))

    def _cancel_job(self) -> None:
        """Cancels what runs the attempt, unless it has ended by then: its handler may be who asks, and be done. Nor if
        its thread has begun by then: what is asked of it is asked of one that had begun."""
        self._around.loop.call_soon(self._cancel_now, self.job, self.begun)

    def _cancel_now(self, job: asyncio.Task[None] | None, had_begun: bool) -> None:
        if job is None or self.job is not job:
            return
        if self.begun and not had_begun and self.runs_in_thread and self.stop is not Stop.LEASE_LOST:
            return  # it has what time it has left, and keeps its lease
        job.cancel()

    def _after(self, seconds: float, call: Callable[..., None], *arguments: object) -> None:
        self._timers = self._timers or []
        self._timers.append(self._around.loop.call_later(seconds, call, *arguments))

    def _forget_timers(self) -> None:
        for timer in self._timers or ():
            timer.cancel()
        self._timers = None

    # -- running

    async def perform(self, handler: Handler, middlewares: tuple[Middleware, ...], executors: Executors) -> Ending:
        """Runs the handler and decides. Raises `CancelledError` only where the worker itself stops the attempt, and
        `CouldNotBegin` where the handler, or a step of it, could not run."""
        self._handler = handler
        token = CURRENT.set(lambda: self.context)
        logged = bind_later(self.log_context)
        try:
            return await self._traced(handler, middlewares, executors)
        finally:
            unbind(logged)
            CURRENT.reset(token)
            self._forget_timers()

    async def _traced(self, handler: Handler, middlewares: tuple[Middleware, ...], executors: Executors) -> Ending:
        try:
            metadata = self.task.metadata
        except ValueError as error:  # a number that SQL knows and Python does not
            return self.ending(raised(error), handler)
        with task_span(self.task.name, metadata, self._attributes) as span:
            result = await self._result(handler, middlewares, executors)
            if self._was_interrupted(result):
                if isinstance(result, Raised):
                    log.info("A handler answered the worker's stop with an error.", error=error_text(result.error))
                raise asyncio.CancelledError
            ending = self.ending(result, handler)
            if ending.said is not None:
                _tell(span, result, ending)
            return ending

    def ending(self, result: Result, handler: Handler) -> Ending:
        """What follows from the result."""
        left = self.seconds_left
        transition = decide(
            result,
            attempt=self.task.attempt,
            max_attempts=self.task.max_attempts,
            policy=handler.retry,
            random=random.random,
            time_left=None if left is None else timedelta(seconds=left),
            cancel_requested=self.cancel_requested,
        )
        return ending_of(
            self.task,
            transition,
            max_result_bytes=self._around.max_result_bytes,
            result_version=handler.results.current,
        )

    async def _result(self, handler: Handler, middlewares: tuple[Middleware, ...], executors: Executors) -> Result:
        keywords: dict[str, Any] | None = None
        try:
            payload = handler.payloads.brought_up(self.task.payload, self.task.payload_version)
            keywords = handler.arguments.keywords(payload)
            if middlewares or handler.executor != "async" or self._bounded:
                return returned(await self._call(handler, keywords, middlewares, executors))
            self.begun = True  # and nothing is around the handler, so nothing is built for it
            if handler.takes_context:
                return returned(await handler.function(self.context, **keywords))
            return returned(await handler.function(**keywords))
        except AttemptTimedOut:
            return self._timed_out()
        except AttemptOverdue:
            return DeadlinePassed()
        except CouldNotBegin:
            raise
        except asyncio.CancelledError as error:
            if self.cancel_requested and self.stop is not Stop.LEASE_LOST:
                return CancelRequested(forced=self._forced)
            if self.stop is not None:
                raise
            return raised(_cancelled_inside(error))
        except InvalidPayload as error:
            if keywords is not None and not isinstance(error, StepNotKept):
                return raised(error)  # it is not about the task's own payload
            return Raised(Fail(error.message))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            return raised(error)
        except BaseException as error:  # noqa: BLE001 - a handler's KeyboardInterrupt, SystemExit, or one of its own
            return raised(RuntimeError(f"The handler raised {type(error).__name__}."))

    async def _call(
        self, handler: Handler, keywords: dict[str, Any], middlewares: tuple[Middleware, ...], executors: Executors
    ) -> Any:
        async def innermost() -> Any:
            return await executors.run(self, handler, keywords)

        chain: CallNext = innermost
        for middleware in reversed(middlewares):
            chain = partial(middleware, self.context, chain)
        return await chain()

    @property
    def _bounded(self) -> bool:
        return self.task.timeout_seconds is not None or self.task.deadline_seconds is not None

    def _timed_out(self) -> TimedOut:
        return TimedOut(timedelta(seconds=self.task.timeout_seconds or 0))

    def _attributes(self) -> dict[str, str | int]:
        task = self.task
        return {
            "rowlock.task.id": str(task.id),
            "rowlock.task.attempt": task.attempt,
            "rowlock.queue": task.queue,
            "rowlock.tenant": task.tenant_id,
        }


def _tell(span: Span, result: Result, ending: Ending) -> None:
    """Says in the span that the attempt has failed, if it has: a snooze or a cancel is an answer."""
    error = result.error if isinstance(result, Raised) and not isinstance(result.error, Cancel | Snooze) else None
    if ending.said is not None and (error is not None or ending.outcome in {"failed", "timed_out"}):
        fail_span(span, ending.said.error or "", error)


def _cancelled_inside(error: asyncio.CancelledError) -> RuntimeError:
    """The handler's own failure, for nobody has asked for its end."""
    failure = RuntimeError(
        "The handler was cancelled from inside: it cancelled itself, or a library cancelled what it waited for, as "
        "when a connection drops."
    )
    failure.__cause__ = error
    return failure


def raised(error: BaseException) -> Raised:
    """What a handler raised, with its traceback below this file's frames."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return Raised(error, "".join(lines))
