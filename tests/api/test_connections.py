"""Connections over a real socket: what is sent without end, or not at all, is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.api.test_server import running

from rowlock.api import connection

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Line:
    """A connection of our own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, request: bytes = GET + b"\r\n") -> bytes:
        """The status line of the answer."""
        await self.send(request)
        status = await asyncio.wait_for(self._reader.readline(), 10)
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        await self._reader.readexactly(int(length.split()[1]))
        return status

    async def rest(self) -> bytes:
        """What else comes until the server closes."""
        return await asyncio.wait_for(self._reader.read(), 10)

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def line_to(client: httpx.AsyncClient) -> AsyncIterator[Line]:
    line = Line(*await asyncio.open_connection(client.base_url.host, client.base_url.port))
    try:
        yield line
    finally:
        line.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.05)


ENDLESS = {
    "many headers": GET + b"X: y\r\n" * 20_000,
    "one header": GET + b"X: " + b"y" * 100_000,
    "one name": GET + b"x" * 100_000,
    "a path": b"GET /" + b"x" * 100_000,
    "empty lines": b"\r\n" * 50_000,
}
ENDLESS_BODIES = {
    "trailers": b"0\r\n" + b"X: y\r\n" * 20_000,
    "an extension of a chunk": b"1;" + b"x" * 100_000,
}
# So many that the last byte makes one too many: the server has read them all when it closes, and its answer arrives.
TOO_MANY = connection.MAX_HEAD_BYTES + 1


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_head_without_end_is_refused(database_url: str, kind: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:
        await line.send(ENDLESS[kind][:TOO_MANY])
        assert (await line.rest()).startswith(b"HTTP/1.1 431 ")
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("kind", ENDLESS_BODIES)
async def test_what_follows_a_head_without_end_is_refused(database_url: str, kind: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:
        assert b"401" in await line.answer(CHUNKED)
        await line.send(ENDLESS_BODIES[kind][:TOO_MANY])
        assert (await line.rest()).startswith(b"HTTP/1.1 431 ")


async def test_a_large_head_is_taken(database_url: str) -> None:
    async with running(database_url) as (client, _, _):
        answer = await client.get("/health/live", headers={"X-Large": "x" * 60_000})
        assert answer.status_code == 200


@pytest.mark.usefixtures("impatient")
async def test_what_does_not_come_is_not_waited_for(database_url: str) -> None:
    async with running(database_url) as (client, _, _):
        headers = f"Authorization: {client.headers['Authorization']}\r\nContent-Type: application/json\r\n"
        body = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\n" + headers.encode() + b"Content-Length: 100\r\n\r\n{"
        async with line_to(client) as line:
            assert await line.rest() == b""
        async with line_to(client) as line:
            await line.send(GET)
            assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        async with line_to(client) as line:
            assert b"200" in await line.answer()
            await line.send(GET)
            assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        async with line_to(client) as line:
            await line.send(body)
            assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        assert (await client.post("/v1/tasks", json={"name": "a"})).status_code == 201


@pytest.mark.usefixtures("impatient")
async def test_a_head_that_trickles_in_is_not_waited_for(database_url: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:

        async def trickle() -> None:
            while True:
                await line.send(b"X: y\r\n")
                await asyncio.sleep(0.01)

        await line.send(GET)
        trickling = asyncio.create_task(trickle())
        assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        trickling.cancel()


@pytest.mark.usefixtures("impatient")
async def test_a_connection_may_rest_between_requests(database_url: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as resting:
        assert b"200" in await resting.answer()
        async with line_to(client) as silent:
            await silent.rest()
        assert b"200" in await resting.answer()


@pytest.mark.usefixtures("impatient")
async def test_a_slow_body_that_goes_on_is_taken(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LEAST_BODY_RATE", 10)

    async with running(database_url) as (client, _, _):

        async def slowly() -> AsyncIterator[bytes]:
            yield b'{"name": "a"' + b" " * 100
            async with line_to(client) as silent:
                await silent.rest()
            yield b"}"

        headers = {"Content-Type": "application/json"}
        assert (await client.post("/v1/tasks", content=slowly(), headers=headers)).status_code == 201
