"""A worker, a scheduler and an API over one database, in the event loop of their test, and what they say of themselves.

`async with Services(url).running() as services:` has a handler that holds its task until `services.release`, a schedule
of one window a second, and an API to enqueue by; what that has acknowledged is noted. None may end before the block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from tests.api.served import serving
from tests.harness.eventually import eventually
from tests.harness.installation import settings_for
from tests.harness.schedules import make_schedule

from rowlock import Context, Rowlock
from rowlock.scheduler import SchedulerService
from rowlock.store.database import Database
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.worker import Worker

QUICK = {"scheduler_tick_seconds": 0.1, "election_seconds": 0.2, "connect_seconds": 2}
EVERY = timedelta(seconds=1)


class Services:
    """The three, running."""

    def __init__(self, url: str) -> None:
        self.settings = settings_for(url, **{**QUICK, "lease_seconds": 30})
        self.app = Rowlock(settings=self.settings)
        self.release = asyncio.Event()
        self.begun: list[tuple[Any, int]] = []
        self.acknowledged: set[str] = set()
        self.app.task(name="work")(self._work)
        self.app.task(name="hold")(self._hold)
        self.worker: Worker
        self.scheduler: SchedulerService
        self.client: httpx.AsyncClient
        self._jobs: list[asyncio.Task[None]] = []

    async def _work(self, ctx: Context, filling: str = "") -> None:
        self.begun.append((ctx.task_id, ctx.lease_token))

    async def _hold(self, ctx: Context) -> str:
        self.begun.append((ctx.task_id, ctx.lease_token))
        await self.release.wait()
        return "held"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Services]:
        """Starts all, and stops them in order."""
        stop = asyncio.Event()
        async with AsyncExitStack() as exits:
            database = await exits.enter_async_context(Database(self.settings, name="rowlock worker"))
            api = await exits.enter_async_context(serving(self.settings.database_url or "", **QUICK))
            self.client = api.client
            await make_schedule(api, task_name="work", interval=EVERY, allow_seconds=True)
            self.worker = Worker(self.app, self.settings, database, ["default"])
            self.scheduler = SchedulerService(self.settings)
            exits.enter_context(process_metrics().trouble.watching(self.worker.condition))
            self._jobs = [
                asyncio.create_task(self.worker.run()),
                asyncio.create_task(self.scheduler.run(stop)),
            ]
            try:
                yield self
                assert not any(job.done() for job in self._jobs), self._jobs
            finally:
                self.release.set()
                self.worker.stop()
                stop.set()
                await asyncio.gather(*self._jobs)

    async def post(self, name: str = "work", **more: Any) -> httpx.Response:
        """Enqueues one task; what is acknowledged is noted."""
        answer = await self.client.post("/v1/tasks", json={"name": name, **more})
        if answer.status_code == 201:
            self.acknowledged.add(answer.json()["id"])
        return answer

    async def posted(self, name: str = "work") -> str:
        """Tries until the API takes it, as a client would; the task's id."""

        async def taken() -> str | None:
            answer = await self.post(name)
            return answer.json()["id"] if answer.status_code == 201 else None

        return str(await eventually(taken, within=timedelta(seconds=60)))

    async def reasons(self) -> list[str]:
        """What the API says at /health/ready, where it is not simply ok."""
        answer = await self.client.get("/health/ready")
        return list(answer.json()["reasons"])

    async def task(self, task_id: str) -> dict[str, Any]:
        """The task over REST; nothing while it cannot be asked for."""
        answer = await self.client.get(f"/v1/tasks/{task_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}
