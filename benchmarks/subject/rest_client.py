"""A REST client that costs as little as one can: `python -m benchmarks.subject.rest_client PORT TASKS CONNECTIONS`.

It shares two cores with the API and PostgreSQL, so it sends bytes that were made before, over connections that stay,
and reads of a reply no more than its status and its length. The API key comes from BENCH_API_KEY. Prints, as JSON,
seconds, CPU, and the percentiles of the replies to requests that were sent once every connection was warm.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import uvloop

from benchmarks.harness.figures import percentiles

BODY = b'{"name":"noop","payload":{}}'
WARM_EACH = 5


def request(port: int) -> bytes:
    head = (
        f"POST /v1/tasks HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {os.environ['BENCH_API_KEY']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


class Connection(asyncio.Protocol):
    """One connection that sends a request whenever the one before was answered."""

    def __init__(self, sends: bytes, numbers: Iterator[int], done: asyncio.Future[None], seconds: list[float]) -> None:
        self._sends, self._numbers, self._done, self._seconds = sends, numbers, done, seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._seconds.append(time.perf_counter() - self._sent)
        self._received = b""
        if not head.startswith(b"HTTP/1.1 201"):
            self._fail(RuntimeError(f"The API answered {head.splitlines()[0]!r}: {body[:300]!r}"))
        elif self._transport.is_closing():
            self._fail(ConnectionError("The API closed a connection."))
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("The API closed a connection."))

    def _send(self) -> None:
        if next(self._numbers, None) is None:
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(self._sends)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"The reply has no length: {head!r}")


async def send(port: int, tasks: int, connections: int) -> list[float]:
    """Sends so many requests; the seconds that each took."""
    loop, numbers, seconds = asyncio.get_running_loop(), iter(range(tasks)), list[float]()
    done = [loop.create_future() for _ in range(connections)]
    sends = request(port)
    transports = []
    for end in done:
        made = partial(Connection, sends, numbers, end, seconds)
        transports.append((await loop.create_connection(made, "127.0.0.1", port))[0])
    await asyncio.gather(*done)
    for transport in transports:
        transport.close()
    return seconds


def give_up(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error in a callback would only be logged, and its connection be waited for until the end of time."""
    loop.default_exception_handler(context)
    loop.stop()


async def main(port: str, tasks: str, connections: str) -> None:
    asyncio.get_running_loop().set_exception_handler(give_up)
    await send(int(port), WARM_EACH * int(connections), int(connections))
    began, spent = time.perf_counter(), time.process_time()
    seconds = await send(int(port), int(tasks), int(connections))
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    print(json.dumps({"seconds": took, "cpu_seconds": cpu, "answers": len(seconds), **percentiles(seconds)}))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
