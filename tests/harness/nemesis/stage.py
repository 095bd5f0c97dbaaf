"""Sets the stage of a history: a server of its own, what tenants configure, and the cast, each with its own network."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.harness.history.events import Recorder
from tests.harness.history.recording import FOLDER
from tests.harness.installation import settings_for
from tests.harness.nemesis import channel_rest, programs
from tests.harness.nemesis.cast import Actor, Cast, Role
from tests.harness.nemesis.plan import Plan, programs_of, role_of
from tests.harness.nemesis.recovery import Recovery
from tests.harness.nemesis.scene import Scene
from tests.harness.nemesis.steps import Steps
from tests.harness.nemesis.strikes import Strikes
from tests.harness.nemesis.workload import CAP, CAPPED_FLOW, TENANTS
from tests.harness.ports import free_ports
from tests.harness.proxy import Proxy
from tests.harness.server import PostgresServer

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine import operate, schedules
from rowlock.engine.access import create_key
from rowlock.store.database import Database
from rowlock.store.operations import Actor as Person

OPERATOR = Person("nemesis")
SCHEDULE = "every-second"
SERVER_SETTINGS = {"max_connections": "50"}
TABLES_MIB, WAL_MIB = 48, 24
QUICK = {
    "ROWLOCK_HEARTBEAT_SECONDS": "0.2",
    "ROWLOCK_POLL_SECONDS": "0.2",
    "ROWLOCK_SCHEDULER_TICK_SECONDS": "0.2",
    "ROWLOCK_CONNECT_SECONDS": "2",
    "ROWLOCK_CONCURRENCY": "10",
    "ROWLOCK_DRAIN_SECONDS": "5",
    "ROWLOCK_POOL_MAX": "3",
}
PROGRAMS: dict[Role, Any] = {
    "worker": programs.work,
    "scheduler": programs.lead,
    "api": programs.serve,
    "clients": programs.enqueue,
}


async def configure(database: Database) -> dict[str, str]:
    """Caps a lane of each tenant, and makes an API key for each: by tenant."""
    keys = {}
    for tenant in TENANTS:
        keys[tenant] = (await create_key(database, tenant, "nemesis", ["write"], OPERATOR)).key
        await operate.set_limit(database, tenant, "default", CAPPED_FLOW, CAP, actor=OPERATOR)
    return keys


async def begin_schedules(database: Database) -> None:
    """A window every second for each tenant, of which none may be lost."""
    for tenant in TENANTS:
        request = schedule_request(
            SCHEDULE,
            "quick",
            interval=timedelta(seconds=1),
            allow_seconds=True,
            missed_run_policy="catch_up",
            max_catch_up=10_000,
            payload={"mark": "window"},
        )
        await schedules.create_schedule(database, tenant, request, actor=OPERATOR)


async def end_schedules(database: Database) -> None:
    for tenant in TENANTS:
        await schedules.pause_schedule(database, tenant, SCHEDULE, actor=OPERATOR)


@asynccontextmanager
async def staged(
    plan: Plan, folder: Path, server: PostgresServer, steps: Steps, strikes: Strikes
) -> AsyncIterator[Scene]:
    """The scene with everybody on it; nothing of them runs when the block ends."""
    (folder / "history").mkdir(parents=True)
    (folder / "logs").mkdir()
    async with AsyncExitStack() as exits:
        disks = {}
        if plan.disk == "tables":
            disks["tables"] = server.put_tables_on_small_disk(mib=TABLES_MIB)
        elif plan.disk == "wal":
            disks["wal"] = server.put_wal_on_small_disk(mib=WAL_MIB)
        async with Database(settings_for(server.url)) as database:
            keys = await configure(database)
            await begin_schedules(database)
        networks = {name: await exits.enter_async_context(Proxy(server.url)) for name in programs_of(plan.size)}
        cast = Cast(list(_actors(plan, folder, networks, steps, keys)))
        exits.callback(cast.end)
        for actor in cast.actors:
            actor.start()
        scene = Scene(
            server=server,
            cast=cast,
            recorder=Recorder(folder / "history", "nemesis"),
            recovery=Recovery(lambda: strikes.at_work),
            draw=random.Random(f"scene {plan.seed}"),
            lease_seconds=plan.lease_seconds,
            disks=disks,
        )
        exits.callback(scene.recorder.close)
        exits.push_async_callback(scene.close)
        async with scene.doing(cast.watch):
            yield scene


def _actors(
    plan: Plan, folder: Path, networks: dict[str, Proxy], steps: Steps, keys: dict[str, str]
) -> Iterator[Actor]:
    [port] = free_ports()
    common = {
        FOLDER: str(folder / "history"),
        "ROWLOCK_PORT": str(port),
        "ROWLOCK_LEASE_SECONDS": str(plan.lease_seconds),
        "ROWLOCK_ELECTION_SECONDS": str(plan.election_seconds),
        **QUICK,
    }
    for name, network in networks.items():
        role = role_of(name)
        environment = {**common, "ROWLOCK_DATABASE_URL": network.url}
        arguments: tuple[Any, ...] = ()
        if role == "clients":
            address = f"http://127.0.0.1:{port}"
            environment |= {channel_rest.ADDRESS: address, channel_rest.KEYS: json.dumps(keys)}
            arguments = (plan.script, steps.done)
        log = folder / "logs" / f"{name.replace(' ', '-')}.log"
        yield Actor(name, role, PROGRAMS[role], environment, log, network, arguments)
