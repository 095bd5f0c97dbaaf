"""The pool: connections shared by whoever needs one for a moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable, OutcomeUnknown, SchemaOutdated
from rowlock.store.addresses import url_from_settings
from rowlock.store.connections import Connection, Row
from rowlock.store.errors import translated
from rowlock.store.forks import begin_anew_after_fork
from rowlock.store.links import Link, connect, connection_options, prepare_connection
from rowlock.store.pools import Pool, check_if_it_was_cut
from rowlock.store.revisions import TABLE, is_ahead


class Database:
    """One installation: a URL, a schema, and a pool that opens with the first use and reconnects by itself.

    Safe to share between tasks of one event loop; after a fork the child opens a pool of its own. Close it with
    `close()`, or use it as an async context manager.
    """

    def __init__(self, settings: Settings, *, url: str | None = None, name: str = "rowlock") -> None:
        self.settings = settings
        self.url = url or url_from_settings(settings)
        self.schema = settings.schema_
        self.name = name
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # whose the pool is, also while it opens
        self._opening = asyncio.Lock()
        self._claiming = threading.Lock()
        begin_anew_after_fork(self)

    async def open(self) -> Database:
        if self._pool is None or self._loop is not asyncio.get_running_loop():
            self._claim_for_this_loop()
            async with self._opening:
                if self._pool is None:
                    pool = self._new_pool()
                    await pool.open()
                    self._pool = pool
        return self

    async def close(self) -> None:
        self._claim_for_this_loop()
        pool, self._pool = self._pool, None
        if not self._opening.locked():  # else somebody opens it right now
            self._loop = None
        if pool is not None:
            await pool.close()

    def _new_pool(self) -> Pool:
        return Pool(
            self.url,
            connection_class=Connection,
            kwargs={
                "autocommit": True,
                "application_name": self.name,
                "connect_timeout": max(2, round(self.settings.connect_seconds)),
                **connection_options(self.url),
            },
            min_size=self.settings.pool_min,
            max_size=max(self.settings.pool_max, self.settings.pool_min, 1),
            timeout=self.settings.connect_seconds,
            reconnect_timeout=self.settings.connect_seconds,  # as long as a caller waits
            configure=prepare_connection,
            check=check_if_it_was_cut,
            open=False,
            name=self.name,
        )

    def _claim_for_this_loop(self) -> None:
        """A pool lives and dies with its event loop: after one `asyncio.run`, the next begins with a new pool."""
        loop = asyncio.get_running_loop()
        with self._claiming:  # other loops run in other threads
            if self._loop is loop:
                return
            if self._loop is not None and not self._loop.is_closed():
                raise ConfigurationError(
                    "This application is open in another event loop that still runs. Use one application for each "
                    "loop, or the `_sync` calls, which any number of threads may share."
                )
            self._pool, self._loop, self._opening = None, loop, asyncio.Lock()

    def forget_inherited(self) -> None:
        """In a process that was forked off: pool and event loop are the parent's."""
        self._pool, self._loop, self._opening = None, None, asyncio.Lock()
        self._claiming = threading.Lock()

    async def __aenter__(self) -> Database:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """A connection from the pool for the length of the block."""
        await self.open()
        assert self._pool is not None
        with translated():
            async with self._pool.connection() as connection:
                yield Link(connection, self.schema)

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs one statement by name on a connection of the pool."""
        await self.open()
        assert self._pool is not None
        try:
            connection = await self._pool.getconn()
        except Exception:
            with translated():
                raise
        try:
            return await Link(connection, self.schema).run(name, parameters)
        finally:
            await self._pool.putconn(connection)

    async def read(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs a statement that only reads; once more where the connection had been cut while it was idle."""
        try:
            return await self.run(name, parameters)
        except (DatabaseUnavailable, OutcomeUnknown):
            return await self.run(name, parameters)

    async def own_link(self, purpose: str) -> Link:
        """A connection outside the pool; its owner closes it."""
        return await connect(
            self.url, self.schema, connect_seconds=self.settings.connect_seconds, name=f"{self.name} {purpose}"
        )

    def pool_stats(self) -> dict[str, int]:
        """What psycopg counts of the pool (`get_stats()`), for metrics; nothing before it is open."""
        pool = self._pool
        return pool.get_stats() if pool else {}

    async def takes_writes(self) -> bool:
        """Whether the server would take a write: it is no standby, and transactions are not read-only."""
        async with self.link() as link:
            return bool((await link.query("SELECT current_setting('transaction_read_only') = 'off'"))[0][0])

    async def check_schema(self, head: str) -> None:
        """Raises `SchemaOutdated` where the database's migrations are not yet at `head`. They may well be beyond it:
        whoever upgrades migrates first, and what comes before a deploy the running version does not notice."""
        async with self.link() as link:
            rows = await link.query(f'SELECT version_num FROM "{self.schema}".{TABLE}')
        found = rows[0][0] if rows else None
        if found != head and not is_ahead(found, head):
            raise SchemaOutdated(
                f"The database is at migration {found or 'none'}, and this version needs {head}. Run `rowlock migrate`."
            )
