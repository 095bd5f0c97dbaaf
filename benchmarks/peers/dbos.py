"""DBOS: a queue that is polled every 0.1 s, a pool of 20 connections."""

from __future__ import annotations

import asyncio
import threading

from dbos import DBOS, DBOSClient, DBOSConfig

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks, own_counter

POLL_SECONDS, POOL, QUEUE = 0.1, 20, "bench"
SQLALCHEMY_URL = verbs.URL.replace("postgresql://", "postgresql+psycopg://", 1)
handled, marks = own_counter(), Marks()
counting = threading.Lock()  # its workflows run on threads


@DBOS.workflow(name="noop")
def noop() -> None:
    with counting:
        handled[0] += 1


@DBOS.workflow(name="mark")
def mark(number: int) -> None:
    marks.begun(number)
    with counting:
        handled[0] += 1


def launch() -> None:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": SQLALCHEMY_URL,
        "sys_db_pool_size": POOL,
        "log_level": "ERROR",
        "run_admin_server": False,
        "application_version": "1",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=POLL_SECONDS)


class Subject:
    async def install(self) -> None:
        await asyncio.to_thread(launch)
        await asyncio.to_thread(DBOS.destroy)

    async def open(self) -> None:
        self._client = await asyncio.to_thread(DBOSClient, system_database_url=SQLALCHEMY_URL)

    async def one(self, number: int) -> None:
        await self._client.enqueue_async({"queue_name": QUEUE, "workflow_name": "mark"}, number)

    async def many(self, tasks: int) -> None:
        """It has no way to enqueue many at once but to do so in one transaction of the caller's."""
        await asyncio.to_thread(self._in_one_transaction, tasks)

    def _in_one_transaction(self, tasks: int) -> None:
        with self._client._sys_db.engine.begin() as connection:
            for _ in range(tasks):
                self._client.enqueue_in_transaction(connection, {"queue_name": QUEUE, "workflow_name": "noop"})

    async def close(self) -> None:
        await asyncio.to_thread(self._client.destroy)

    async def work(self, stop: asyncio.Event) -> None:
        await asyncio.to_thread(launch)
        await stop.wait()
        await asyncio.to_thread(DBOS.destroy)


if __name__ == "__main__":
    verbs.main(Subject())
