"""LISTEN on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from rowlock.store.connections import Connection
from rowlock.store.database import Database
from rowlock.store.errors import translation
from rowlock.store.links import is_pooled
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.wakeups")


@asynccontextmanager
async def listen(database: Database, heard: Callable[[str], None]) -> AsyncIterator[Awaitable[None] | None]:
    """Calls `heard` with the payloads that workers are woken by, as they come.

    What it gives is to be awaited: it raises `DatabaseUnavailable` when the connection breaks. It is None behind a
    pooler, where LISTEN is lost. Any login may notify, of anything: what `heard` cannot take is logged, and no more.
    """
    link = await database.own_link("wake-ups")
    try:
        if is_pooled(link.connection, (await link.query("SELECT pg_backend_pid()"))[0][0]):
            yield None
            return
        channel = (await link.query(f'SELECT "{link.schema}".wake_channel()'))[0][0]
        link.connection.add_notify_handler(lambda notification: _take(heard, lambda: notification.payload))
        await link.query(f'LISTEN "{channel}"')  # with whose answer the first may come
        with _hearing(link.connection, heard) as broken:
            yield broken
    finally:
        await link.close()


@contextmanager
def _hearing(connection: Connection, heard: Callable[[str], None]) -> Iterator[asyncio.Future[None]]:
    """Reads what comes in the event loop's own callback: psycopg's `notifies` takes two turns of the loop more, and a
    tenth of a millisecond where the worker was idle."""
    loop = asyncio.get_running_loop()
    server, encoding, broken = connection.pgconn, connection.info.encoding, loop.create_future()
    socket = server.socket

    def read() -> None:
        try:
            server.consume_input()
            while (notification := server.notifies()) is not None:
                _take(heard, partial(notification.extra.decode, encoding))
        except Exception as error:  # noqa: BLE001 - whoever awaits is told
            loop.remove_reader(socket)
            if not broken.done():
                broken.set_exception(translation(error))

    loop.add_reader(socket, read)
    try:
        yield broken
    finally:
        loop.remove_reader(socket)


def _take(heard: Callable[[str], None], payload: Callable[[], str]) -> None:
    try:
        heard(payload())
    except Exception:  # whatever it is, it is about this one
        log.exception("A notification could not be taken.")
