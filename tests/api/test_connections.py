"""Connections over a real socket: what is sent without end, or not at all, is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from tests.api.test_server import running
from tests.harness.eventually import eventually

from rowlock.api import connection, lingering

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
ONE_OF_MANY = b"Content-Length: 100"
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

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Reads nothing in the block."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport goes both ways
        yield
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]


@asynccontextmanager
async def line_to(client: httpx.AsyncClient) -> AsyncIterator[Line]:
    line = Line(*await asyncio.open_connection(client.base_url.host, client.base_url.port))
    try:
        yield line
    finally:
        line.close()


def begun(client: httpx.AsyncClient, headers: bytes) -> bytes:
    """A request of which the body is to come."""
    authorization = client.headers["Authorization"].encode()
    known = b"Content-Type: application/json\r\nAuthorization: " + authorization
    return b"\r\n".join([b"POST /v1/tasks HTTP/1.1", b"Host: x", known, headers, b"", b""])


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


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_head_without_end_is_refused(database_url: str, kind: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:
        await line.send(ENDLESS[kind])
        assert (await line.rest()).startswith(b"HTTP/1.1 431 ")
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("kind", ENDLESS_BODIES)
async def test_what_follows_a_head_without_end_is_refused(database_url: str, kind: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:
        assert b"401" in await line.answer(CHUNKED)
        await line.send(ENDLESS_BODIES[kind])
        assert (await line.rest()).startswith(b"HTTP/1.1 431 ")


async def test_a_request_that_is_refused_so_is_given_up(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """While the application looks for the key, before it asks for the body, and so for `100 Continue`."""
    caplog.set_level("INFO", "rowlock.access")
    async with running(database_url) as (client, _, _), line_to(client) as line:
        expecting = begun(client, b"Expect: 100-continue\r\nTransfer-Encoding: chunked")
        await line.send(expecting + b"1;" + b"x" * 400_000)
        assert b"HTTP/1.1 431 " in await line.rest()
        await eventually(lambda: "status=499" in caplog.text)


async def test_a_large_head_is_taken(database_url: str) -> None:
    async with running(database_url) as (client, _, _):
        answer = await client.get("/health/live", headers={"X-Large": "x" * 60_000})
        assert answer.status_code == 200


@pytest.mark.usefixtures("impatient")
async def test_what_does_not_come_is_not_waited_for(database_url: str) -> None:
    async with running(database_url) as (client, _, _):
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
            await line.send(begun(client, ONE_OF_MANY) + b"{")
            assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        assert (await client.post("/v1/tasks", json={"name": "a"})).status_code == 201


async def trickle(line: Line, pause: float = 0.01) -> None:
    """Headers one by one, until the connection breaks."""
    while True:
        await line.send(b"X: y\r\n")
        await asyncio.sleep(pause)


@pytest.mark.parametrize("pause", [0.01, 0.1])
@pytest.mark.usefixtures("impatient")
async def test_a_head_that_trickles_in_is_not_waited_for(database_url: str, pause: float) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as line:
        await line.send(GET)
        trickling = asyncio.create_task(trickle(line, pause))
        assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        trickling.cancel()


@pytest.mark.usefixtures("impatient")
async def test_the_answer_is_not_lost_to_what_was_sent_meanwhile(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "rowlock.api")
    async with running(database_url) as (client, _, _), line_to(client) as line:
        with line.deaf():
            await line.send(GET)
            await eventually(lambda: "A connection was closed." in caplog.text)
            for _ in range(3):  # to a connection that is closed, the first breaks it, and the second fails
                await line.send(b"X: y\r\n")
        assert (await line.rest()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(("bound", "value"), [("LINGER_SECONDS", 0.1), ("LINGER_BYTES", 50)])
@pytest.mark.usefixtures("impatient")
async def test_whoever_goes_on_after_the_answer_is_cut_off(
    database_url: str, monkeypatch: pytest.MonkeyPatch, bound: str, value: float
) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 60)
    monkeypatch.setattr(lingering, bound, value)
    async with running(database_url) as (client, _, _), line_to(client) as line:
        await line.send(GET)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(trickle(line), 20)


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_stays_after_the_answer_does_not_hold_up_a_stop(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 60)
    async with running(database_url, drain_seconds=60) as (client, stop, server), line_to(client) as line:
        await line.send(begun(client, ONE_OF_MANY) + b"{")
        assert (await line.rest()).startswith(b"HTTP/1.1 408 ")
        stop.set()
        await asyncio.wait_for(server, 20)


@pytest.mark.usefixtures("impatient")
async def test_a_connection_may_rest_between_requests(database_url: str) -> None:
    async with running(database_url) as (client, _, _), line_to(client) as resting:
        assert b"200" in await resting.answer()
        async with line_to(client) as silent:
            await silent.rest()
        assert b"200" in await resting.answer()


async def test_a_slow_body_that_goes_on_is_taken(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "LEAST_BODY_RATE", 1)
    looked, look = asyncio.Event(), connection.BoundedConnection._look

    def look_and_say(self: connection.BoundedConnection) -> None:
        look(self)
        looked.set()

    async def two_looks() -> None:
        for _ in range(2):
            looked.clear()
            await asyncio.wait_for(looked.wait(), 20)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"name": "a"'
        await two_looks()
        yield b" " * 100
        monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0)  # only what it has brought is in its favour
        await two_looks()
        yield b"}"

    monkeypatch.setattr(connection.BoundedConnection, "_look", look_and_say)
    async with running(database_url) as (client, _, _):
        headers = {"Content-Type": "application/json"}
        assert (await client.post("/v1/tasks", content=slowly(), headers=headers)).status_code == 201
