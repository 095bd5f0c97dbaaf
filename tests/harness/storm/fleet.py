"""Three schedulers, each behind a network of its own that can fail, and what is done to the one that leads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.harness.proxy import Proxy
from tests.harness.scheduler_process import SchedulerProcess, start_scheduler
from tests.harness.storm.plan import Fault, FaultKind

from rowlock.store.leaders import LeaderRecord, get_leader

PATIENCE = timedelta(seconds=60)
# Sessions that have asked for the lock of late and did not get it: those that stand by.
_STANDBYS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND query LIKE '%%pg_try_advisory_lock%%' AND state = 'idle'
   AND state_change > clock_timestamp() - make_interval(secs => 2.5)
"""


@dataclass(slots=True)
class Standing:
    """One scheduler and its network; not `sound` while a fault of either lasts."""

    program: SchedulerProcess
    network: Proxy
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Failover:
    """One leader followed by another: the seconds from the fault until there was one, and until it had fired."""

    kind: FaultKind
    epoch: int
    elected_seconds: float
    fired_seconds: float


class Fleet:
    """Schedulers that stand for election; one that is killed is replaced at once."""

    def __init__(self, here: Installation, exits: AsyncExitStack, settings: Mapping[str, float]) -> None:
        self._here = here
        self._exits = exits
        self._settings = settings
        self._standing: list[Standing] = []
        self._recoveries: list[asyncio.Task[None]] = []

    async def start(self, n: int) -> None:
        for _ in range(n):
            await self._add()
        await self._followed(0)

    async def strike(self, fault: Fault) -> Failover:
        """Lets the fault befall the leader, once there is one and another stands by; and sees who follows."""
        struck, leader = await eventually(self._leader_with_a_standby, within=PATIENCE)
        began = time.monotonic()
        await self._inflict(struck, fault)
        follower = await self._followed(leader.epoch)
        elected = time.monotonic() - began
        await self._fires(follower)
        return Failover(fault.kind, follower.epoch, elected, time.monotonic() - began)

    async def recover(self) -> None:
        """Waits until every fault is over."""
        await asyncio.gather(*self._recoveries)

    async def _add(self) -> None:
        network = await self._exits.enter_async_context(Proxy(self._here.database.url))
        program = start_scheduler(network.url, **self._settings)
        # In a thread, for a scheduler that ends in order needs its network, which lives in this loop.
        self._exits.push_async_callback(asyncio.to_thread, program.stop)
        self._standing.append(Standing(program, network))

    async def _inflict(self, struck: Standing, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                struck.program.kill()
                self._standing.remove(struck)
                await self._add()
            case "cut":
                struck.network.cut()
            case "freeze":
                struck.program.freeze()
                self._over_after(struck, fault.lasts_seconds)
            case "hole":
                struck.network.swallow()
                self._over_after(struck, fault.lasts_seconds)

    def _over_after(self, struck: Standing, seconds: float) -> None:
        async def recover() -> None:
            await asyncio.sleep(seconds)
            struck.program.thaw()
            await struck.network.restore()
            struck.sound = True

        struck.sound = False
        self._recoveries.append(asyncio.create_task(recover()))

    async def _leader_with_a_standby(self) -> tuple[Standing, LeaderRecord] | None:
        leader = await get_leader(self._here.database)
        if leader is None:
            return None
        leading = [one for one in self._standing if one.sound and one.program.named_by(leader.holder)]
        [(standbys,)] = await self._here.query(_STANDBYS)
        return (leading[0], leader) if leading and standbys else None

    async def _followed(self, epoch: int) -> LeaderRecord:
        async def led() -> LeaderRecord | None:
            leader = await get_leader(self._here.database)
            return leader if leader is not None and leader.epoch > epoch else None

        return await eventually(led, within=PATIENCE)

    async def _fires(self, leader: LeaderRecord) -> None:
        """Until that leader has accounted for a window."""

        async def fired() -> bool:
            [(found,)] = await self._here.query(
                "SELECT EXISTS (SELECT FROM rowlock.schedule_windows WHERE epoch = %(epoch)s)", {"epoch": leader.epoch}
            )
            return bool(found)

        await eventually(fired, within=PATIENCE)
