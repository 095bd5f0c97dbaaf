"""What a fault finds when it strikes: the server, the cast, and a way to ask the database past every broken network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from tests.harness.history.events import Recorder
from tests.harness.history.operations import asked_of
from tests.harness.nemesis.cast import Actor, Cast
from tests.harness.nemesis.recovery import Recovery
from tests.harness.server import PostgresServer
from tests.harness.server_disk import SmallDisk

from rowlock.domain.requests import task_request

T = TypeVar("T")
IS_CLAIMED = "SELECT NOT EXISTS (SELECT FROM rowlock.tasks_live WHERE id = %(id)s AND started_at IS NULL)"
ENQUEUE_PROBE = """
SELECT rowlock.enqueue('quick', payload => %(payload)s::jsonb, priority => 'critical', id => %(id)s)
"""


@dataclass
class Scene:
    """One history's stage. `draw` is for what a fault leaves to chance."""

    server: PostgresServer
    cast: Cast
    recorder: Recorder
    recovery: Recovery
    draw: random.Random
    lease_seconds: float
    disks: dict[str, SmallDisk] = field(default_factory=dict)
    _connection: psycopg.AsyncConnection[Any] | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, statement: str, **parameters: Any) -> list[Any]:
        """Rows, asked as the superuser; raises psycopg's errors where the server is away."""
        kept = self._connection
        try:
            return await self._ask(statement, parameters)
        except psycopg.OperationalError:
            if kept is None or not kept.closed:
                raise
            return await self._ask(statement, parameters)  # it had been cut since the last question

    async def _ask(self, statement: str, parameters: dict[str, Any]) -> list[Any]:
        async with self._connecting:  # two that ask at once would make two, and forget one
            if self._connection is None or self._connection.closed:
                self._connection = await self.connect(autocommit=True)
            connection = self._connection
        cursor = await connection.execute(statement.encode(), parameters or None)
        return await cursor.fetchall() if cursor.description else []

    async def connect(self, *, autocommit: bool = False) -> psycopg.AsyncConnection[Any]:
        """A connection of the superuser's."""
        return await psycopg.AsyncConnection.connect(self.server.admin_url, autocommit=autocommit, connect_timeout=5)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def claims_go_on(self, name: str) -> None:
        """Measures how long it takes from now until a worker has claimed something that was there to claim."""
        probes: list[str] = []

        async def claimed() -> bool:
            if not probes:
                probes.append(await self._probe())
            return bool((await self.ask(IS_CLAIMED, id=probes[0]))[0][0])

        await self.recovery.measure(name, claimed)

    async def _probe(self) -> str:
        """Enqueues a task that goes before others; its id."""
        request = task_request("quick", {"mark": "probe"}, priority="critical")
        with self.recorder.calling("enqueue", tenant="default", tasks=asked_of([request])) as call:
            await self.ask(ENQUEUE_PROBE, payload=request.payload, id=request.id)
            call.ok(tasks=[{"id": str(request.id), "created": True}])
        return str(request.id)

    async def led_by(self, actor: Actor) -> int | None:
        """The epoch that this scheduler leads; None where another does, or nobody knows."""
        rows = await self.ask("SELECT epoch, holder FROM rowlock.leaders WHERE role = 'scheduler'")
        return rows[0][0] if rows and f":{actor.pid}:" in rows[0][1] else None

    async def another_leads(self, epoch: int) -> None:
        """Measures how long it takes from now until a later epoch has begun."""

        async def elected() -> bool:
            rows = await self.ask("SELECT epoch FROM rowlock.leaders WHERE role = 'scheduler'")
            return bool(rows and rows[0][0] > epoch)

        await self.recovery.measure("new leader", elected)

    async def leases_of(self, pid: int) -> tuple[int, int]:
        """How many leases a worker's process has, and how many of them are good still."""
        rows = await self.ask(
            "SELECT count(*),"
            " count(*) FILTER (WHERE greatest(task.visible_at, task.lease_expires_at) > rowlock.clock())"
            " FROM rowlock.tasks_live AS task"
            " JOIN rowlock.workers AS worker ON worker.id = task.worker_id"
            " WHERE task.status = 'running' AND worker.pid = %(pid)s",
            pid=pid,
        )
        return rows[0][0], rows[0][1]

    @asynccontextmanager
    async def doing(self, work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """For the block, does something beside it, again and again."""
        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
