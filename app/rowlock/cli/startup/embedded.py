"""The embedded PostgreSQL under `rowlock up`: started with it, started again when it dies, stopped with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rowlock.cli.startup.progress import Progress
from rowlock.domain.errors import RowlockError
from rowlock.store.embedded import EmbeddedServer

LOOK_SECONDS = 1.0


class EmbeddedDatabase:
    """The server of one data directory, seen from the event loop."""

    def __init__(self, data_dir: Path, progress: Progress) -> None:
        self._server = EmbeddedServer(data_dir)
        self._progress = progress

    async def start(self) -> None:
        """Starts it, or adopts the one that runs there already."""
        server = self._server
        if server.running:
            doing = done = "adopted the server that was running"
        elif server.cluster.is_dir():
            doing, done = "starting the server", f"started on {server.cluster}"
        else:
            doing, done = "making a new cluster (first start)", f"made and started in {server.cluster}"
        await self._progress.step("PostgreSQL", doing, asyncio.to_thread(server.start), done)

    async def keep(self, stop: asyncio.Event) -> None:
        """Starts it again whenever it has died, until `stop`."""
        while not await _is_set_within(stop, LOOK_SECONDS):
            try:
                if await asyncio.to_thread(lambda: self._server.running):
                    continue
                self._progress.say("PostgreSQL has ended; starting it again.")
                await asyncio.to_thread(self._server.start)
            except RowlockError as error:
                self._progress.say(f"PostgreSQL cannot be started: {error}")

    async def stop(self) -> None:
        """Stops it in order, so that the next start has nothing to recover."""
        await self._progress.step("PostgreSQL", "stopping", asyncio.to_thread(self._server.stop), "stopped")

    @property
    def url(self) -> str:
        return self._server.url()

    @property
    def psql_command(self) -> str:
        return self._server.psql_command()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
