"""The API as a running server: it starts, answers over a real socket, and stops in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.api.served import assert_problem
from tests.harness.installation import settings_for

from rowlock.api.server import serve
from rowlock.domain.errors import ConfigurationError
from rowlock.engine.access import create_key
from rowlock.store.database import Database


@asynccontextmanager
async def running(url: str, **flags: Any) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Event, asyncio.Task[None]]]:
    """The server on a free port, a client with a key, the event that stops it, and its task."""
    settings = settings_for(url, port=0, **flags)
    async with Database(settings) as database:
        key = (await create_key(database, "default", "x", ["admin"], "test")).key
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(settings, stop=stop, on_ready=ready.set_result))
    done, _ = await asyncio.wait({server, ready}, return_when=asyncio.FIRST_COMPLETED)
    assert ready in done, server.exception()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=ready.result(), headers=headers, timeout=30) as client:
        yield client, stop, server
    stop.set()
    await server


async def test_it_serves_until_it_is_told_to_stop(database_url: str) -> None:
    async with running(database_url) as (client, stop, server):
        made = await client.post("/v1/tasks", json={"name": "a"})
        assert made.status_code == 201
        assert "server" not in made.headers
        stop.set()
        await asyncio.wait_for(server, 10)
        with pytest.raises(httpx.ConnectError):
            await client.get("/health/live")


async def test_a_request_under_way_is_answered_before_it_stops(database_url: str) -> None:
    async with running(database_url) as (client, stop, server):
        went: asyncio.Event = asyncio.Event()

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'{"name": '
            went.set()
            await stopping.wait()
            yield b'"a"}'

        stopping = asyncio.Event()
        headers = {"Content-Type": "application/json"}
        answer = asyncio.create_task(client.post("/v1/tasks", content=slow_body(), headers=headers))
        await went.wait()
        stop.set()
        stopping.set()
        assert (await answer).status_code == 201
        await asyncio.wait_for(server, 10)


async def test_100_megabytes_are_refused_over_a_real_socket(database_url: str) -> None:
    async def megabytes() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_048_576

    async with running(database_url) as (client, _, _):
        headers = {"Content-Type": "application/json"}
        refused = await client.post("/v1/tasks", content=b" " * 104_857_600, headers=headers)
        assert_problem(refused, 413, "payload-too-large")
        refused = await client.post("/v1/tasks", content=megabytes(), headers=headers)
        assert_problem(refused, 413, "payload-too-large")
        assert (await client.post("/v1/tasks", json={"name": "a"})).status_code == 201


async def test_what_is_not_http_does_no_harm(database_url: str) -> None:
    async with running(database_url) as (client, _, _):
        host, port = client.base_url.host, client.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x00\xff nonsense\r\n\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await writer.wait_closed()
        assert (await client.get("/health/ready")).status_code == 200


async def test_a_port_that_is_taken_is_told_in_a_sentence(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_for(database_url, port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1"):
            await serve(settings, stop=asyncio.Event())
