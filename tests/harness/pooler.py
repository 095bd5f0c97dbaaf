"""What PgBouncer looks like to a client: a server that announces another process id than its own.

It passes everything on and changes one message, BackendKeyData, as poolers do that share server connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict

MADE_UP_PID = 4_242_424


@asynccontextmanager
async def pooler(database_url: str) -> AsyncIterator[str]:
    """The URL of the same database through such a pooler."""
    server = await asyncio.start_server(lambda r, w: _pass_on(database_url, r, w), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    given = conninfo_to_dict(database_url)
    user, name = given.get("user", "postgres"), given["dbname"]
    secret = f":{given['password']}" if given.get("password") else ""
    try:
        yield f"postgresql://{user}{secret}@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"
    finally:
        server.close()
        await server.wait_closed()


async def _pass_on(database_url: str, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
    from_server, to_server = await _connect(database_url)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(from_client, to_server))
            both.create_task(_copy_disguised(from_server, to_client))
    except* ConnectionError:
        pass  # either side hung up, which is how connections end
    finally:
        to_client.close()
        to_server.close()


async def _connect(database_url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    with psycopg.connect(database_url) as connection:
        host, port = connection.info.host, connection.info.port
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _copy_disguised(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            kind = await reader.readexactly(1)
            length = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
            if kind == b"K":
                body = struct.pack("!I", MADE_UP_PID) + body[4:]
            writer.write(kind + length + body)
            await writer.drain()
    writer.close()
