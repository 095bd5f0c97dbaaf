"""LISTEN on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rowlock.store.database import Database
from rowlock.store.errors import translated
from rowlock.store.links import Link, is_pooled


@asynccontextmanager
async def listen(database: Database) -> AsyncIterator[AsyncIterator[str] | None]:
    """The payloads that workers are woken by, as they come; None behind a pooler, where LISTEN is lost.

    The iterator raises `DatabaseUnavailable` when the connection breaks.
    """
    link = await database.own_link("wake-ups")
    try:
        if is_pooled(link.connection, (await link.query("SELECT pg_backend_pid()"))[0][0]):
            yield None
            return
        channel = (await link.query(f'SELECT "{link.schema}".wake_channel()'))[0][0]
        await link.query(f'LISTEN "{channel}"')
        yield _payloads(link)
    finally:
        await link.close()


async def _payloads(link: Link) -> AsyncIterator[str]:
    with translated():
        async for notification in link.connection.notifies():
            yield notification.payload
