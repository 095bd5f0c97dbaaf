"""Programs that are killed, frozen, told to stop, or whose host's clock is set."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import psycopg
from tests.harness.eventually import eventually
from tests.harness.nemesis.cast import Actor
from tests.harness.nemesis.faults import program_fault
from tests.harness.nemesis.scene import Scene

CLAIMABLE = "dead worker's tasks claimable, beyond the lease"
STOP_SECONDS = 30.0


@program_fault("worker killed", on=("worker",), tells="`kill -9` of a worker")
async def worker_killed(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    pid = actor.pid
    await actor.kill()
    await scene.recovery.measure(CLAIMABLE, lambda: _no_good_lease(scene, pid), beyond=scene.lease_seconds)
    yield
    actor.start()


@program_fault("worker frozen", on=("worker",), tells="SIGSTOP of a worker until its leases have run out, then SIGCONT")
async def worker_frozen(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.freeze()
    yield
    await _until_leases_are_over(scene, actor)
    actor.thaw()


@program_fault("worker stopped", on=("worker",), tells="SIGTERM of a worker")
async def worker_stopped(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    pid, undisturbed = actor.pid, scene.recovery.undisturbed
    code = await actor.stop(within=STOP_SECONDS)
    await _note_end(scene, actor, code)
    if code == 0 and undisturbed and scene.recovery.undisturbed:
        leases, _ = await scene.leases_of(pid)
        scene.recovery.note("leases left after SIGTERM", leases)
        if leases:
            actor.surprises.append(
                f"{actor.name} (pid {pid}) stopped in order and left {leases} leases: see {actor.log}"
            )
    yield
    actor.start()


@program_fault("scheduler killed", on=("scheduler",), tells="`kill -9` of a scheduler, mostly the one that leads")
async def scheduler_killed(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    epoch = await _epoch_if_known(scene, actor)
    await actor.kill()
    if epoch is not None and len(scene.cast.of("scheduler")) > 1:
        await scene.another_leads(epoch)
    yield
    actor.start()


@program_fault("scheduler frozen", on=("scheduler",), tells="SIGSTOP of a scheduler until another leads, then SIGCONT")
async def scheduler_frozen(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    epoch = await _epoch_if_known(scene, actor)
    actor.freeze()
    if epoch is not None and len(scene.cast.of("scheduler")) > 1:
        await scene.another_leads(epoch)
    yield
    actor.thaw()


@program_fault("scheduler stopped", on=("scheduler",), tells="SIGTERM of a scheduler")
async def scheduler_stopped(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    epoch = await _epoch_if_known(scene, actor)
    await _note_end(scene, actor, await actor.stop(within=STOP_SECONDS))
    if epoch is not None and len(scene.cast.of("scheduler")) > 1:
        await scene.another_leads(epoch)
    yield
    actor.start()


@program_fault("API killed", on=("api",), tells="`kill -9` of an API")
async def api_killed(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    await actor.kill()
    yield
    actor.start()


@program_fault("API frozen", on=("api",), tells="SIGSTOP of an API with requests under way, then SIGCONT")
async def api_frozen(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.freeze()
    yield
    actor.thaw()


@program_fault("API stopped", on=("api",), tells="SIGTERM of an API")
async def api_stopped(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    await _note_end(scene, actor, await actor.stop(within=STOP_SECONDS))
    yield
    actor.start()


@program_fault("clients killed", on=("clients",), tells="`kill -9` of the programs that enqueue, in the midst of it")
async def clients_killed(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    commands = await _commands_of(actor)
    await actor.kill()
    for command in commands:
        with suppress(psutil.NoSuchProcess):
            command.kill()
    actor.start()  # at once: the history's steps are theirs
    yield


async def _commands_of(actor: Actor) -> list[psutil.Process]:
    """The programs of the command line that the clients run, who start none any more. One that outlived them would
    enqueue when the history has come to rest."""
    if not actor.runs:
        return []
    clients = psutil.Process(actor.pid)
    actor.freeze()
    await eventually(lambda: not actor.runs or clients.status() == psutil.STATUS_STOPPED)
    return clients.children(recursive=True) if actor.runs else []


@program_fault(
    "clock set forward",
    on=("worker", "scheduler", "clients"),
    tells="the clock of a worker's, a scheduler's or the clients' host, five hours fast",
)
async def clock_set_forward(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.signal(signal.SIGUSR1)
    yield
    actor.signal(signal.SIGUSR2)


@program_fault("clock set back", on=("worker", "scheduler", "clients"), tells="the same, five hours slow")
async def clock_set_back(scene: Scene, actor: Actor) -> AsyncIterator[None]:
    actor.signal(signal.SIGUSR2)
    yield
    actor.signal(signal.SIGUSR1)


async def _no_good_lease(scene: Scene, pid: int) -> bool:
    _, good = await scene.leases_of(pid)
    return good == 0


async def _until_leases_are_over(scene: Scene, actor: Actor) -> None:
    """Bounded: where the server is away, its clock runs on and so do the leases."""
    for _ in range(round(scene.lease_seconds * 20)):
        try:
            if await _no_good_lease(scene, actor.pid):
                return
        except psycopg.OperationalError:
            pass
        await asyncio.sleep(0.1)


async def _epoch_if_known(scene: Scene, actor: Actor) -> int | None:
    try:
        return await scene.led_by(actor)
    except psycopg.OperationalError:
        return None


async def _note_end(scene: Scene, actor: Actor, code: int | None) -> None:
    """One that does not end in order is killed, as an orchestrator would; undisturbed, that is a finding."""
    if code is None:
        await actor.kill()
    if not actor.is_in_order(code) and scene.recovery.undisturbed:
        actor.surprises.append(f"{actor.name} was told to stop and ended with exit code {code}: see {actor.log}")
