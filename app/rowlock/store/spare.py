"""A connection beside the pool for what may wait long: it opens with its first use, and anew where it has broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowlock.store.connections import Row
from rowlock.store.database import Database
from rowlock.store.links import Link


class SpareLink:
    """One user's, who closes it when it is not needed for now."""

    def __init__(self, database: Database, purpose: str) -> None:
        self._database = database
        self._purpose = purpose
        self._link: Link | None = None

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs one statement by name."""
        if self._link is not None and self._link.broken:
            await self.close()
        if self._link is None:
            self._link = await self._database.own_link(self._purpose)
        return await self._link.run(name, parameters)

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
