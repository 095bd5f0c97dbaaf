"""One attempt, from the lease to the decision about how it ended.

The pipeline: find the handler, read the arguments, run the function inside middleware, trace and log context under its
timeout, and let `decide` say what follows. Nothing here writes to the database.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any

from rowlock.domain.decide import CancelRequested, Raised, Result, Returned, TimedOut, Transition, decide
from rowlock.domain.errors import InvalidPayload
from rowlock.domain.outcomes import Fail
from rowlock.handlers.context import CURRENT, CallNext, Context, Middleware, Reporter
from rowlock.handlers.handler import Handler
from rowlock.store.leases import ClaimedTask
from rowlock.telemetry.context import bind
from rowlock.telemetry.tracing import task_span
from rowlock.worker.executors import AttemptTimedOut, Executors


class Stop(Enum):
    """Why a running attempt is being stopped from outside."""

    CANCEL_REQUESTED = "cancel_requested"
    LEASE_LOST = "lease_lost"
    WORKER_STOPS = "worker_stops"


class Attempt:
    """A task that this worker holds: its asyncio task, its context, when its lease was last renewed."""

    __slots__ = ("begun", "context", "held_since", "in_thread", "job", "stop", "task")

    def __init__(self, task: ClaimedTask, reporter: Reporter, loop: asyncio.AbstractEventLoop) -> None:
        self.task = task
        self.begun = False
        self.in_thread = False
        self.stop: Stop | None = None
        self.held_since = time.monotonic()
        self.job: asyncio.Task[None] | None = None
        timeout = task.timeout_seconds
        self.context = Context(
            task_id=task.id,
            tenant_id=task.tenant_id,
            queue=task.queue,
            name=task.name,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
            metadata=task.metadata or {},
            deadline=datetime.fromtimestamp(task.claimed_epoch + timeout, UTC) if timeout else None,
            lease_token=task.lease_token,
            workflow_id=task.workflow_id,
            _reporter=reporter,
            _loop=loop,
        )

    def request_stop(self, why: Stop) -> None:
        """Asks the handler to stop: `Context.cancelled` turns true, and an async handler is cancelled."""
        if self.stop is not None:
            return
        self.stop = why
        self.context._cancelled = True
        # A thread cannot be cancelled: asked to stop, it is left to look at its context and end by itself.
        if self.job is not None and not (self.in_thread and why is Stop.CANCEL_REQUESTED):
            self.job.cancel()

    async def perform(
        self, handler: Handler, middlewares: tuple[Middleware, ...], executors: Executors, worker: str
    ) -> Transition:
        """Runs the handler and decides. Raises `CancelledError` only where the worker itself stops the attempt."""
        task = self.task
        token = CURRENT.set(self.context)
        try:
            with bind(
                task_id=task.id, attempt=task.attempt, tenant_id=task.tenant_id, worker=worker, task_name=task.name
            ):
                result = await self._result(handler, middlewares, executors)
        finally:
            CURRENT.reset(token)
        return decide(
            result, attempt=task.attempt, max_attempts=task.max_attempts, policy=handler.retry, random=random.random
        )

    async def _result(self, handler: Handler, middlewares: tuple[Middleware, ...], executors: Executors) -> Result:
        try:
            with task_span(self.task.name, self.task.metadata, self._attributes()):
                keywords = handler.arguments.keywords(self.task.payload)
                return Returned(await self._call(handler, keywords, middlewares, executors))
        except AttemptTimedOut:
            return TimedOut(timedelta(seconds=self.task.timeout_seconds or 0))
        except asyncio.CancelledError as error:
            if self.stop is Stop.CANCEL_REQUESTED:
                return CancelRequested()
            if self.stop is not None:
                raise
            return raised(error)  # the handler cancelled itself: its own failure
        except InvalidPayload as error:
            return Raised(Fail(error.message))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            return raised(error)
        except (KeyboardInterrupt, SystemExit, GeneratorExit) as error:
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

    def _attributes(self) -> dict[str, str | int]:
        task = self.task
        return {
            "rowlock.task.id": str(task.id),
            "rowlock.task.attempt": task.attempt,
            "rowlock.queue": task.queue,
            "rowlock.tenant": task.tenant_id,
        }


def raised(error: BaseException) -> Raised:
    """What a handler raised, with its traceback below this file's frames."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return Raised(error, "".join(lines))
