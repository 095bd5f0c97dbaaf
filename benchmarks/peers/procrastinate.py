"""Procrastinate: concurrency 10, LISTEN on, finished jobs kept as it does by default."""

from __future__ import annotations

import asyncio
import contextlib

import procrastinate

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks, own_counter

CONCURRENCY = 10
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=verbs.URL, max_size=CONCURRENCY + 2))
handled, marks = own_counter(), Marks()


@app.task(name="noop")
async def noop() -> None:
    handled[0] += 1


@app.task(name="mark")
async def mark(number: int) -> None:
    marks.begun(number)
    handled[0] += 1


class Subject:
    async def install(self) -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    async def open(self) -> None:
        await app.open_async()

    async def one(self, number: int) -> None:
        await mark.defer_async(number=number)

    async def many(self, tasks: int) -> None:
        await noop.batch_defer_async(*[{}] * tasks)

    async def close(self) -> None:
        await app.close_async()

    async def work(self, stop: asyncio.Event) -> None:
        async with app.open_async():
            running = asyncio.create_task(
                app.run_worker_async(concurrency=CONCURRENCY, listen_notify=True, install_signal_handlers=False)
            )
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


if __name__ == "__main__":
    verbs.main(Subject())
