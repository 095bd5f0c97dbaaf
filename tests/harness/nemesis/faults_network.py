"""Networks between one program and the server: cut, refused, swallowed, half open, slow, and losing single messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness.nemesis.cast import Actor, Role
from tests.harness.nemesis.faults import NothingBroken, program_fault
from tests.harness.nemesis.scene import Scene
from tests.harness.proxy import Loss

ANYBODY: tuple[Role, ...] = ("worker", "scheduler", "api", "clients")
# The protocol's Execute message, which ends the statement of every client that binds parameters.
EXECUTE = b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
STATEMENTS_LOST = 3


@program_fault("connections cut", on=ANYBODY, tells="a program's connections, reset")
async def connections_cut(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.proxy.cut()
    yield
    actor.proxy.cut()


@program_fault("connections refused", on=ANYBODY, tells="a program's connections, reset, and new ones refused")
async def connections_refused(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    await actor.proxy.refuse()
    yield
    await actor.proxy.restore()


@program_fault("black hole", on=ANYBODY, tells="a network that swallows everything, then delivers it late")
async def black_hole(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.proxy.swallow()
    yield
    await actor.proxy.restore()


@program_fault("half-open connections", on=ANYBODY, tells="connections whose server end is gone without a word")
async def half_open(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.proxy.half_open()
    yield
    await actor.proxy.restore()


@program_fault("slow network", on=ANYBODY, tells="a network with up to 0.3 s in front of each reply")
async def slow_network(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.proxy.delay(scene.draw.uniform(0.05, 0.3))
    yield
    await actor.proxy.restore()


@program_fault("request lost", on=ANYBODY, tells="connections that break before the server has read a statement")
async def request_lost(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    async with _losing(actor, [(Loss.REQUEST, EXECUTE)] * STATEMENTS_LOST):
        yield


@program_fault("reply lost", on=ANYBODY, tells="connections that break after a statement, before its reply has come")
async def reply_lost(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    async with _losing(actor, [(Loss.REPLY, EXECUTE)] * STATEMENTS_LOST):
        yield


@program_fault("reply to COMMIT lost", on=("clients",), tells="the same for the COMMIT of a client's own transaction")
async def commit_reply_lost(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    async with _losing(actor, [(Loss.REPLY, b"COMMIT\x00")]):
        yield


@asynccontextmanager
async def _losing(actor: Actor, losses: list[tuple[Loss, bytes]]) -> AsyncIterator[None]:
    """Loses these messages, if they come in that time; it counts as a fault where one came."""
    lost = [actor.proxy.lose(loss, marker) for loss, marker in losses]
    yield
    await actor.proxy.restore()
    if not any(one.is_set() for one in lost):
        raise NothingBroken(f"{actor.name} sent nothing that could be lost.")
