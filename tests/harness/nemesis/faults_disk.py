"""Disks that are full: that of the tables, and that of the write-ahead log.

Each counts only where PostgreSQL has really asked its disk for more and was refused, as its log says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from tests.harness.nemesis.faults import NothingBroken, server_fault
from tests.harness.nemesis.scene import Scene

FREED = "disk freed to work"
REFUSED = b"No space left on device"
# Segments of the WAL that are there already have room on a full disk too: this uses it up.
WRITE_WAL = "SELECT pg_logical_emit_message(true, 'nemesis', repeat('x', 1000000))"
WRITES = 100


@server_fault("tables' disk full", disk="tables", tells="a small tmpfs under the tables, filled and freed")
async def tables_disk_full(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.disks["tables"].fill)
    yield
    await asyncio.to_thread(scene.disks["tables"].free)
    await scene.claims_go_on(FREED)
    await asyncio.to_thread(_check_refused, scene)


@server_fault("WAL's disk full", disk="wal", tells="a small tmpfs under the WAL, filled until the server panics")
async def wal_disk_full(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.disks["wal"].fill)
    await asyncio.to_thread(_write_until_refused, scene)
    async with scene.doing(lambda: _refuse_again(scene)):
        yield
    await asyncio.to_thread(scene.disks["wal"].free)
    await asyncio.to_thread(scene.server.bring_back)
    await scene.claims_go_on(FREED)
    await asyncio.to_thread(_check_refused, scene)


def _write_until_refused(scene: Scene) -> None:
    """PostgreSQL panics, ends every session, and recovers as far as the disk lets it."""
    try:
        for _ in range(WRITES):
            scene.server.query(WRITE_WAL)
    except psycopg.OperationalError:
        return
    raise AssertionError(f"The WAL took {WRITES} MB more, though its disk is full.")


async def _refuse_again(scene: Scene) -> None:
    """Recovery finds old segments that it may use anew, so that it is not over with one panic."""
    while True:
        with suppress(psycopg.OperationalError):
            await asyncio.to_thread(scene.server.query, WRITE_WAL)
        await asyncio.sleep(0.05)


def _check_refused(scene: Scene) -> None:
    if not any(REFUSED in log.read_bytes() for log in (scene.server.cluster / "log").glob("*.log")):
        raise NothingBroken("Nobody needed more of the disk while it was full.")
