"""PgQueuer: asyncpg, one manager in a process, batches of 500, its own settings for autovacuum, all tables logged."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks, own_counter

BATCH = 500


class Subject:
    async def install(self) -> None:
        await self.open()
        await self._queries.install()
        await self._queries.optimize_autovacuum()
        await self.close()

    async def open(self) -> None:
        self._connection = await asyncpg.connect(verbs.URL)
        self._queries = Queries(AsyncpgDriver(self._connection))

    async def one(self, number: int) -> None:
        await self._queries.enqueue("mark", b"%d" % number)

    async def many(self, tasks: int) -> None:
        await self._queries.enqueue(["noop"] * tasks, [None] * tasks, [0] * tasks)

    async def close(self) -> None:
        await self._connection.close()

    async def work(self, stop: asyncio.Event) -> None:
        handled, marks = own_counter(), Marks()
        app = PgQueuer.from_asyncpg_connection(await asyncpg.connect(verbs.URL))

        @app.entrypoint("noop")
        async def noop(_: Job) -> None:
            handled[0] += 1

        @app.entrypoint("mark")
        async def mark(job: Job) -> None:
            marks.begun(int(job.payload or b"-1"))
            handled[0] += 1

        running = asyncio.create_task(app.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=30)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        app.shutdown.set()
        await running


if __name__ == "__main__":
    verbs.main(Subject())
