"""Reading for people: a connection that was cut while it lay idle in the pool is no reason to bother them.

A read that got no answer has no unknown outcome: it is sent once more, and then the database is away.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.store.database import Database
from rowlock.store.links import Row


class Reading:
    """The database for statements that only read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of the named statement."""
        try:
            return await self._database.read(name, parameters)
        except OutcomeUnknown as error:
            raise _lost(error) from error

    async def records(self, sql: str, parameters: Mapping[str, Any], *, longest: str) -> list[dict[str, Any]]:
        """Rows of SQL made by this room, as mappings; the server gives up after `longest` (`15s`)."""
        with suppress(OutcomeUnknown):
            return await self._records(sql, parameters, longest)
        try:
            return await self._records(sql, parameters, longest)
        except OutcomeUnknown as error:
            raise _lost(error) from error

    async def _records(self, sql: str, parameters: Mapping[str, Any], longest: str) -> list[dict[str, Any]]:
        async with self._database.link() as link, link.transaction():
            await link.query(f"SET LOCAL statement_timeout = '{longest}'")
            return await link.records(sql, parameters)


def _lost(error: OutcomeUnknown) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The database was lost while it was read: {error.message}")
