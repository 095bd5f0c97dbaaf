"""The server as a whole: killed, restarted, frozen, read-only, slow to flush."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.harness.nemesis.faults import server_fault
from tests.harness.nemesis.scene import Scene

RETURNED = "first claim after PostgreSQL returns"
FLUSH_DELAY_MICROSECONDS = "100000"


@server_fault("backend killed", tells="`kill -9` of a backend: PostgreSQL ends every session and recovers")
async def backend_killed(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.kill_backend)
    await asyncio.to_thread(scene.server.wait_until_it_answers)
    await scene.claims_go_on(RETURNED)
    yield


@server_fault("postmaster killed", tells="`kill -9` of the postmaster, later a start with recovery")
async def postmaster_killed(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.kill)
    yield
    await asyncio.to_thread(scene.server.start)
    await scene.claims_go_on(RETURNED)


@server_fault("server crashed", tells="an immediate shutdown, later a start with recovery")
async def server_crashed(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.stop, "immediate")
    yield
    await asyncio.to_thread(scene.server.start)
    await scene.claims_go_on(RETURNED)


@server_fault("server restarted", tells="a fast shutdown and a start at once")
async def server_restarted(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.restart)
    await scene.claims_go_on(RETURNED)
    yield


@server_fault("server frozen", tells="SIGSTOP of every process of the server, then SIGCONT")
async def server_frozen(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.freeze)
    yield
    await asyncio.to_thread(scene.server.thaw)
    await scene.claims_go_on(RETURNED)


@server_fault("server read-only", tells="a server that refuses writes, as a standby does")
async def server_read_only(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.configure, default_transaction_read_only="on")
    yield
    await asyncio.to_thread(lambda: scene.server.configure(default_transaction_read_only=None))
    await scene.claims_go_on(RETURNED)


@server_fault("slow flush", tells="0.1 s more for each flush of the WAL (`commit_delay`), as on a slow disk")
async def slow_flush(scene: Scene) -> AsyncIterator[None]:
    slow = {"commit_delay": FLUSH_DELAY_MICROSECONDS, "commit_siblings": "0"}
    await asyncio.to_thread(lambda: scene.server.configure(**slow))
    yield
    await asyncio.to_thread(lambda: scene.server.configure(commit_delay=None, commit_siblings=None))
