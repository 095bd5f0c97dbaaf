"""pgmq's SQL, without an extension, and a hand-written loop: read 500, delete 500. A bare queue, no job system.

It has nothing to wake a reader by that needs no extension of a loop's own, so an idle loop polls every 5 ms.
"""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files

import asyncpg

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks, own_counter

QUEUE, BATCH, LEASE_SECONDS, IDLE_SECONDS = "bench", 500, 30, 0.005


class Subject:
    async def install(self) -> None:
        await self.open()
        await self._connection.execute((files("pgmq") / "sql" / "pgmq.sql").read_text())
        await self._connection.execute("SELECT pgmq.create($1)", QUEUE)
        await self.close()

    async def open(self) -> None:
        self._connection = await asyncpg.connect(verbs.URL)

    async def one(self, number: int) -> None:
        await self._connection.fetch("SELECT pgmq.send($1, $2::jsonb)", QUEUE, json.dumps({"number": number}))

    async def many(self, tasks: int) -> None:
        await self._connection.fetch("SELECT pgmq.send_batch($1, $2::jsonb[])", QUEUE, ["{}"] * tasks)

    async def close(self) -> None:
        await self._connection.close()

    async def work(self, stop: asyncio.Event) -> None:
        handled, marks = own_counter(), Marks()
        await self.open()
        read = await self._connection.prepare("SELECT msg_id, message FROM pgmq.read($1, $2, $3)")
        delete = await self._connection.prepare("SELECT pgmq.delete($1, $2::bigint[])")
        while not stop.is_set():
            rows = await read.fetch(QUEUE, LEASE_SECONDS, BATCH)
            if not rows:
                await asyncio.sleep(IDLE_SECONDS)
                continue
            for _, message in rows:
                if message != "{}":
                    marks.begun(json.loads(message)["number"])
                handled[0] += 1
            await delete.fetch(QUEUE, [number for number, _ in rows])
        await self.close()


if __name__ == "__main__":
    verbs.main(Subject())
