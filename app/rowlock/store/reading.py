"""Reading for people: connections that were cut while they lay idle in the pool are no reason to bother them.

After a restart of the server every connection of the pool is such a one, and each is found out by its first use. A read
has no unknown outcome, so it is sent again until it meets a good connection or takes too long.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.store.connections import Row
from rowlock.store.database import Database

T = TypeVar("T")
PATIENCE_SECONDS = 5.0


class Reading:
    """The database for statements that only read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of the named statement."""
        return await self._on_a_good_connection(lambda: self._database.run(name, parameters))

    async def records(self, sql: str, parameters: Mapping[str, Any], *, longest: str) -> list[dict[str, Any]]:
        """Rows of SQL made by this room, as mappings; the server gives up after `longest` (`15s`)."""

        async def read() -> list[dict[str, Any]]:
            async with self._database.link() as link, link.transaction():
                await link.query(f"SET LOCAL statement_timeout = '{longest}'")
                return await link.records(sql, parameters)

        return await self._on_a_good_connection(read)

    async def _on_a_good_connection(self, read: Callable[[], Awaitable[T]]) -> T:
        tries_left = self._database.settings.pool_max + 1
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await read()
            except OutcomeUnknown as error:
                tries_left -= 1
                if not tries_left or time.monotonic() > give_up_at:
                    raise DatabaseUnavailable("The database was lost while it was read. Try again.") from error
