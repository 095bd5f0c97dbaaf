"""Records what a real process says to the database and hears from it, without a change to the product.

Inside `recording` every function of the store that grants, renews or ends leases, keeps something under one, elects or
fires is followed by the recorder, and `record_runs` follows the handlers of an application. A worker or scheduler of
its own calls `record_this_process` once. What clients do (`enqueue`, `cancel`, `redrive`) they record themselves, for
only they know what they were told: `recorded_enqueue` shows how.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from tests.harness.history.events import Recorder
from tests.harness.history.operations import (
    answers_of,
    asked_of,
    database_instant,
    lease_of,
    microseconds,
)

from rowlock import Context, Rowlock
from rowlock.domain.errors import RowlockError
from rowlock.domain.requests import TaskRequest
from rowlock.engine.enqueue import enqueue, enqueue_many
from rowlock.store import leaders, leases, rescue, steps, windows
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FailedAttempt, LeaseTerms, Renewal
from rowlock.store.links import Link, Runner
from rowlock.store.rescue import GoneWorker
from rowlock.store.steps import FinishedStep, Json
from rowlock.store.tasks import Stored
from rowlock.store.windows import Advance, Fired

FOLDER = "ROWLOCK_TEST_HISTORY"
Attempts = list[dict[str, Any]]

_for_ever = ExitStack()  # a block that nobody keeps would be left at once


def record_this_process(kind: str, app: Rowlock | None = None) -> Recorder:
    """Records all that this process does until it ends, in a file of its own in the folder that `FOLDER` names."""
    recorder = Recorder(Path(os.environ[FOLDER]), kind)
    _for_ever.enter_context(recording(recorder))
    if app is not None:
        record_runs(app, recorder)
    return recorder


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """For the length of the block, what this process does with leases, windows and the lead is on record."""
    follow = _Following(recorder)
    wrappers: list[tuple[Any, str, Callable[..., Any]]] = [
        (leases, "claim", follow.claim),
        (leases, "claim_new", follow.claim),
        (leases, "claim_capped", follow.claim),
        (leases, "complete", follow.complete),
        (leases, "complete_with_results", follow.complete),
        *((leases, way, follow.say) for way in ("retry", "snooze", "defer", "bury", "acknowledge_cancel")),
        (leases, "release", follow.release),
        (leases, "renew", follow.renew),
        (leases, "renew_capped", follow.renew),
        (leases, "report_progress", follow.report_progress),
        (steps, "record_step", follow.record_step),
        (leaders, "take_leadership", follow.take_leadership),
        (windows, "fire_windows", follow.fire_windows),
        (rescue, "expire_workers", follow.expire_workers),
    ]
    with ExitStack() as wrapped:
        for module, name, wrapper in wrappers:
            wrapped.enter_context(patch.object(module, name, wrapper(name, getattr(module, name))))
        yield


def record_runs(app: Rowlock, recorder: Recorder) -> None:
    """Records each call of a handler, from within all middleware that is declared already."""

    @app.middleware
    async def recorded(context: Context, call_next: Callable[[], Awaitable[Any]]) -> Any:
        about = {"task": str(context.task_id), "token": context.lease_token, "attempt": context.attempt}
        call = recorder.invoke("run", **about)
        try:
            result = await call_next()
        except (Exception, asyncio.CancelledError) as error:
            call.fail(f"{type(error).__name__}: {error}")
            raise
        call.ok(result=result is not None)
        return result


async def recorded_enqueue(
    recorder: Recorder, database: Database, tenant_id: str, requests: Sequence[TaskRequest], *, waits: bool = False
) -> list[Stored]:
    """Enqueues on record, one task or a batch; `waits` where the run does not wait for the tasks to end."""
    with recorder.calling("enqueue", tenant=tenant_id, tasks=asked_of(requests, waits=waits)) as call:
        if len(requests) == 1:
            stored = [await enqueue(database, tenant_id, requests[0])]
        else:
            stored = await enqueue_many(database, tenant_id, requests)
        call.ok(tasks=answers_of(stored))
    return stored


class _Following:
    """One wrapper for each kind of function; each takes the function's name and the function."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def claim(self, name: str, original: Callable[..., Awaitable[list[ClaimedTask]]]) -> Callable[..., Any]:
        async def claim(link: Link, plans: Any, *, room: int, terms: LeaseTerms) -> Any:
            asked = {"worker": terms.worker_id, "lease_seconds": terms.lease_seconds, "capped": name == "claim_capped"}
            with self.recorder.calling("claim", **asked) as call:
                taken = await original(link, plans, room=room, terms=terms)
                by = await _instant_if_any(link) if taken else None
                call.ok(by=by, leases=[lease_of(task) for task in taken])
            return taken

        return claim

    def complete(self, name: str, original: Callable[..., Awaitable[set[int]]]) -> Callable[..., Any]:
        async def complete(runner: Runner, ids: list[UUID], tokens: list[int], *results: Any, **more: Any) -> set[int]:
            """Results come first of what follows the tokens, where there are any."""
            attempts = _attempts(ids, tokens, results[0] if results else None)
            with self.recorder.calling("finish", way=name, attempts=attempts) as call:
                accepted = await original(runner, ids, tokens, *results, **more)
                call.ok(accepted=sorted(accepted))
            return accepted

        return complete

    def say(self, name: str, original: Callable[..., Awaitable[set[int]]]) -> Callable[..., Any]:
        async def say(runner: Runner, attempts: Sequence[FailedAttempt], **more: Any) -> set[int]:
            said = _attempts([one.id for one in attempts], [one.lease_token for one in attempts])
            with self.recorder.calling("finish", way=name, attempts=said) as call:
                accepted = await original(runner, attempts, **more)
                call.ok(accepted=sorted(accepted))
            return accepted

        return say

    def release(self, name: str, original: Callable[..., Awaitable[int]]) -> Callable[..., Any]:
        async def release(runner: Runner, ids: list[UUID], tokens: list[int], **more: Any) -> int:
            """Its answer is a number: which ones it counts is known only where it counts all or none."""
            since = await _instant_if_any(runner)
            with self.recorder.calling("finish", way=name, since=since, attempts=_attempts(ids, tokens)) as call:
                released = await original(runner, ids, tokens, **more)
                if released in (0, len(ids)):
                    call.ok(accepted=sorted(tokens) if released else [])
                else:
                    call.unknown(f"{released} of {len(ids)} were released.")
            return released

        return release

    def renew(self, name: str, original: Callable[..., Awaitable[Renewal]]) -> Callable[..., Any]:
        async def renew(
            runner: Runner, ids: list[UUID], tokens: list[int], *, lease_seconds: float, **lane: str
        ) -> Renewal:
            asked = {"since": await _instant_if_any(runner), "lease_seconds": lease_seconds}
            with self.recorder.calling("renew", **asked, attempts=_attempts(ids, tokens)) as call:
                found = await original(runner, ids, tokens, lease_seconds=lease_seconds, **lane)
                by = await _instant_if_any(runner)
                call.ok(by=by, renewed=sorted(found.renewed), lost=sorted(found.lost))
            return found

        return renew

    def report_progress(self, name: str, original: Callable[..., Awaitable[bool]]) -> Callable[..., Any]:
        async def report_progress(runner: Runner, task_id: UUID, token: int, progress: str, **bound: str) -> bool:
            since = await _instant_if_any(runner)
            with self.recorder.calling("progress", since=since, task=str(task_id), token=token) as call:
                asked_to_stop = await original(runner, task_id, token, progress, **bound)
                call.ok()
            return asked_to_stop

        return report_progress

    def record_step(self, name: str, original: Callable[..., Awaitable[Json]]) -> Callable[..., Any]:
        async def record_step(
            runner: Runner, tenant_id: str, task_id: UUID, token: int, done: FinishedStep, **bound: str
        ) -> Json:
            asked = {"since": await _instant_if_any(runner), "task": str(task_id), "token": token}
            step = {"name": done.step.name, "occurrence": done.step.occurrence}
            with self.recorder.calling("step", **asked, **step) as call:
                kept = await original(runner, tenant_id, task_id, token, done, **bound)
                call.ok()
            return kept

        return record_step

    def take_leadership(self, name: str, original: Callable[..., Awaitable[int]]) -> Callable[..., Any]:
        async def take_leadership(link: Link, role: str, holder: str) -> int:
            with self.recorder.calling("elect", holder=holder) as call:
                epoch = await original(link, role, holder)
                call.ok(epoch=epoch)
            return epoch

        return take_leadership

    def fire_windows(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        async def fire_windows(runner: Runner, epoch: int, advances: Sequence[Advance]) -> Fired:
            asked = [_window(a.schedule.id, at, task_id) for a in advances for at, task_id in a.fire]
            with self.recorder.calling("fire", epoch=epoch, windows=asked) as call:
                done: Fired = await original(runner, epoch, advances)
                call.ok(windows=[_window(w.schedule_id, w.window_at, w.task_id) for w in done.windows if w.task_id])
            return done

        return fire_windows

    def expire_workers(self, name: str, original: Callable[..., Awaitable[list[GoneWorker]]]) -> Callable[..., Any]:
        async def expire_workers(runner: Runner, *, limit: int) -> list[GoneWorker]:
            with self.recorder.calling("expire", since=await _instant_if_any(runner)) as call:
                gone = await original(runner, limit=limit)
                call.ok(workers=[worker.worker_id for worker in gone])
            return gone

        return expire_workers


def _attempts(ids: Sequence[UUID], tokens: Sequence[int], results: Sequence[str | None] | None = None) -> Attempts:
    told = results or [None] * len(ids)
    return [
        {"task": str(task), "token": token} | ({} if result is None else {"result": result})
        for task, token, result in zip(ids, tokens, told, strict=True)
    ]


def _window(schedule_id: UUID, window_at: Any, task_id: UUID | None) -> dict[str, Any]:
    return {"schedule": str(schedule_id), "window_at": microseconds(window_at), "task": str(task_id)}


async def _instant_if_any(runner: Runner) -> int | None:
    """What the database's clock shows; None where it cannot be asked, which must not disturb the process."""
    try:
        return await database_instant(runner)
    except RowlockError:
        return None
