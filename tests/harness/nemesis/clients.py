"""The clients of a history: each follows its acts, records what it asked and what it heard, and tries again as a client
would that wants its tasks stored.

What was refused for now is sent again under the same ids, for a refusal promises that nothing was stored. What is
unknown is sent again only where an idempotency key makes that harmless.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from tests.harness.history.events import Recorder
from tests.harness.history.operations import answers_of, asked_of
from tests.harness.history.recording import FOLDER
from tests.harness.nemesis.workload import CLIENTS, Act, Script

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.store.tasks import Stored

TRIES = 4
PAUSE_SECONDS = 0.3
PATIENCE_SECONDS = 30.0


class Refused(RowlockError):
    """An entrance said no, for good and with nothing changed."""


class Channel(Protocol):
    """One way into rowlock. Refusals are `RowlockError`; what nobody can tell is `OutcomeUnknown`."""

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]: ...

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None: ...

    async def cancel(self, tenant: str, task_id: UUID) -> str: ...

    async def redrive(self, tenant: str, task_id: UUID) -> None: ...

    async def peek(self, tenant: str, task_id: UUID) -> str: ...

    async def close(self) -> None: ...


async def follow(script: Script, done: Any, stop: asyncio.Event) -> None:
    """Lets every client go on where `done`, which counts the acts that each has begun, says that it was."""
    recorder = Recorder(Path(os.environ[FOLDER]), "clients")
    async with asyncio.TaskGroup() as clients:
        for name in CLIENTS:
            clients.create_task(_follow(script, name, done, recorder, stop))


async def _follow(script: Script, name: str, done: Any, recorder: Recorder, stop: asyncio.Event) -> None:
    acts, number = script.acts[name], CLIENTS.index(name)
    async with _channel(name) as channel:
        while done[number] < len(acts) and not stop.is_set():
            act = acts[done[number]]
            done[number] += 1
            await _perform(act, acts, channel, recorder)
            await asyncio.sleep(script.pause_seconds)


async def _perform(act: Act, acts: tuple[Act, ...], channel: Channel, recorder: Recorder) -> None:
    requests = [task_request(asked.name, asked.payload, id=asked.id, **asked.options) for asked in act.tasks]
    if act.on is not None and not requests:
        await _act_on(act, acts[act.on].tasks[0].id, channel, recorder)
    elif act.kind == "roll back":
        await _attempt(partial(_roll_back, channel, recorder, act.tenant, requests))
    else:
        for _ in range(TRIES):
            if await _attempt(partial(_enqueue, channel, recorder, act.tenant, requests)):
                return
            await asyncio.sleep(PAUSE_SECONDS)


async def _act_on(act: Act, task_id: UUID, channel: Channel, recorder: Recorder) -> None:
    async def acted() -> None:
        said = {"tenant": act.tenant, "task": str(task_id)}
        if act.kind == "cancel":
            with recorder.calling("cancel", **said) as call:
                call.ok(outcome=await channel.cancel(act.tenant, task_id))
        elif act.kind == "redrive":
            with recorder.calling("redrive", **said) as call:
                await channel.redrive(act.tenant, task_id)
                call.ok()
        else:
            with recorder.calling("read", **said) as call:
                call.ok(tenant=await channel.peek(act.tenant, task_id))

    await _attempt(acted)


async def _enqueue(channel: Channel, recorder: Recorder, tenant: str, requests: list[TaskRequest]) -> None:
    with recorder.calling("enqueue", tenant=tenant, tasks=asked_of(requests)) as call:
        call.ok(tasks=answers_of(await channel.enqueue(tenant, requests)))


async def _roll_back(channel: Channel, recorder: Recorder, tenant: str, requests: list[TaskRequest]) -> None:
    with recorder.calling("enqueue", tenant=tenant, tasks=asked_of(requests)) as call:
        await channel.roll_back(tenant, requests)
        call.fail("It was rolled back.")


async def _attempt(attempt: Any) -> bool:
    """Whether there is nothing to try again."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await attempt()
    except DatabaseUnavailable:
        return False
    except OutcomeUnknown:
        return _is_settled(attempt)
    except (RowlockError, TimeoutError):
        return True
    return True


def _is_settled(attempt: Any) -> bool:
    """An unknown outcome may be asked for again only where every request has an idempotency key."""
    requests = attempt.args[-1] if isinstance(attempt, partial) else []
    return not requests or any(request.idempotency_key is None for request in requests)


@asynccontextmanager
async def _channel(name: str) -> AsyncIterator[Channel]:
    from tests.harness.nemesis.channel_cli import CommandLine
    from tests.harness.nemesis.channel_python import InTransactions, OnALoop, Threaded
    from tests.harness.nemesis.channel_rest import Rest
    from tests.harness.nemesis.channel_sql import Sql

    kinds: dict[str, type[Channel]] = {
        "python": OnALoop,
        "rest": Rest,
        "sql": Sql,
        "transactions": InTransactions,
        "threads": Threaded,
        "cli": CommandLine,
    }
    channel = kinds[name]()
    try:
        yield channel
    finally:
        await channel.close()
