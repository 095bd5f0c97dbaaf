"""Disks that are full: that of the tables, and that of the write-ahead log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.harness.nemesis.faults import server_fault
from tests.harness.nemesis.scene import Scene

FREED = "disk freed to work"


@server_fault("tables' disk full", disk="tables", tells="a small tmpfs under the tables, filled and freed")
async def tables_disk_full(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.disks["tables"].fill)
    yield
    await asyncio.to_thread(scene.disks["tables"].free)
    await scene.claims_go_on(FREED)


@server_fault("WAL's disk full", disk="wal", tells="a small tmpfs under the WAL, filled until the server ends")
async def wal_disk_full(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.disks["wal"].fill)
    yield
    await asyncio.to_thread(scene.disks["wal"].free)
    if not await asyncio.to_thread(lambda: scene.server.runs):
        await asyncio.to_thread(scene.server.start)
    await scene.claims_go_on(FREED)
