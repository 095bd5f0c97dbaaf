"""Awa (Rust inside): queue storage, 1,024 workers, claims of 512, bulk by its COPY into queue storage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

import awa

from benchmarks.harness import verbs
from benchmarks.harness.counters import Marks, own_counter

QUEUE, WORKERS, CLAIM = "bench", 1_024, 512


@dataclass
class Noop:
    pass


@dataclass
class Mark:
    number: int


def url() -> str:
    """Its driver wants the user of a socket's URL in the query."""
    parts = urlsplit(verbs.URL)
    query = parse_qs(parts.query)
    if "host" not in query:
        return verbs.URL
    host, port = quote(query["host"][0], safe=""), query["port"][0]
    return f"postgresql://{parts.path}?host={host}&port={port}&user={parts.username}"


class Subject:
    async def install(self) -> None:
        async with awa.AsyncClient(url()) as client:
            await client.migrate()
            await client.install_queue_storage(schema="awa")

    async def open(self) -> None:
        self._client = awa.AsyncClient(url())

    async def one(self, number: int) -> None:
        await self._client.insert(Mark(number), queue=QUEUE)

    async def many(self, tasks: int) -> None:
        await self._client.enqueue_many_copy([Noop()] * tasks, queue=QUEUE)

    async def close(self) -> None:
        await self._client.close()

    async def work(self, stop: asyncio.Event) -> None:
        handled, marks = own_counter(), Marks()
        client = awa.AsyncClient(url(), max_connections=20)

        @client.task(Noop, queue=QUEUE)
        async def noop(_: awa.Job) -> None:
            handled[0] += 1

        @client.task(Mark, queue=QUEUE)
        async def mark(job: awa.Job) -> None:
            marks.begun(job.args.number)
            handled[0] += 1

        await client.start([{"name": QUEUE, "max_workers": WORKERS, "claim_batch_size": CLAIM}], poll_interval_ms=50)
        await stop.wait()
        await client.shutdown()
        await client.close()


if __name__ == "__main__":
    verbs.main(Subject())
