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
from collections.abc import Iterator, Sequence
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
    """One connection that sends a request whenever the one before was answered, as long as there are numbers."""

    def __init__(self, sends: bytes) -> None:
        self._sends = sends
        self._received = b""
        self._done: asyncio.Future[None] | None = None

    def work(self, numbers: Iterator[int], seconds: list[float]) -> asyncio.Future[None]:
        """Sends from now on, and adds to the seconds; done when the numbers are at their end."""
        self._numbers, self._seconds = numbers, seconds
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        return self._done

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._seconds.append(time.perf_counter() - self._sent)
        self._received = b""
        if not head.startswith(b"HTTP/1.1 201"):
            self._fail(RuntimeError(f"The API answered {head.splitlines()[0]!r}: {body[:300]!r}"))
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("The API closed a connection."))

    def _send(self) -> None:
        if self._transport.is_closing():
            self._fail(ConnectionError("The API closed a connection."))
        elif next(self._numbers, None) is not None:
            self._sent = time.perf_counter()
            self._transport.write(self._sends)
        elif self._done and not self._done.done():
            self._done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(error)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"The reply has no length: {head!r}")


async def connect(port: int, connections: int) -> list[Connection]:
    """So many connections, which stay."""
    loop, made = asyncio.get_running_loop(), partial(Connection, request(port))
    return [(await loop.create_connection(made, "127.0.0.1", port))[1] for _ in range(connections)]


async def send(connections: Sequence[Connection], tasks: int) -> list[float]:
    """Sends so many requests; the seconds that each took."""
    numbers, seconds = iter(range(tasks)), list[float]()
    await asyncio.gather(*(connection.work(numbers, seconds) for connection in connections))
    return seconds


def give_up(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error in a callback would only be logged, and its connection be waited for until the end of time."""
    loop.default_exception_handler(context)
    loop.stop()


async def main(port: str, tasks: str, connections: str) -> None:
    asyncio.get_running_loop().set_exception_handler(give_up)
    made = await connect(int(port), int(connections))
    await send(made, WARM_EACH * len(made))
    began, spent = time.perf_counter(), time.process_time()
    seconds = await send(made, int(tasks))
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    for connection in made:
        connection.close()
    print(json.dumps({"seconds": took, "cpu_seconds": cpu, "answers": len(seconds), **percentiles(seconds)}))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
