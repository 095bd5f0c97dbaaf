"""rowlock as a producer: `python -m benchmarks.subject.program VERB …`. Its worker is the command `rowlock worker`.

Two verbs more than `benchmarks.harness.verbs` has: `transactional TASKS` enqueues each task in a transaction of the
caller's own, beside a row of the caller's; `synchronous TASKS` enqueues without an event loop.
"""

from __future__ import annotations

import asyncio
import time

import psycopg

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks
from benchmarks.subject.app import app, mark, noop

ORDERS = "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)"
ORDER = "INSERT INTO orders VALUES (%s)"


class Subject:
    async def install(self) -> None:
        raise NotImplementedError("rowlock's databases are clones of one that `rowlock migrate` has made.")

    async def open(self) -> None:
        await app.open()

    async def one(self, number: int) -> None:
        await mark.enqueue(number)

    async def many(self, tasks: int) -> None:
        await noop.enqueue_many([{}] * tasks)

    async def close(self) -> None:
        await app.close()

    async def work(self, stop: asyncio.Event) -> None:
        raise NotImplementedError("rowlock's worker is the command `rowlock worker`.")


async def transactional(_: verbs.Subject, tasks: str) -> None:
    marks = Marks()
    async with await psycopg.AsyncConnection.connect(verbs.URL, autocommit=True) as connection:
        await connection.execute(ORDERS)
        with verbs.told():
            for number in range(-verbs.WARM, int(tasks)):
                asked = time.time_ns()
                async with connection.transaction():
                    await connection.execute(ORDER, (number,))
                    await mark.options(on=connection).enqueue(number)
                marks.add(number, asked, time.time_ns())


async def synchronous(_: verbs.Subject, tasks: str) -> None:
    def enqueue() -> None:
        marks = Marks()
        for number in range(-verbs.WARM, int(tasks)):
            asked = time.time_ns()
            mark.enqueue_sync(number)
            marks.add(number, asked, time.time_ns())
        app.close_sync()

    with verbs.told():
        await asyncio.to_thread(enqueue)


if __name__ == "__main__":
    verbs.VERBS.update(transactional=transactional, synchronous=synchronous)
    verbs.main(Subject())
