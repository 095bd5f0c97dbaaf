"""Taking back what vanished workers held."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rowlock.store.history import rescue_with_room
from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that went to the dead letters."""

    id: UUID
    tenant_id: str
    queue: str
    name: str


@dataclass(frozen=True, slots=True)
class ExhaustedTask(EndedTask):
    """A task whose last attempt's lease ran out; unless it is `dead` it got the attempt back, to run alone."""

    dead: bool


@dataclass(frozen=True, slots=True)
class GoneWorker:
    """A worker whose heartbeats ceased, and how many of its tasks were made claimable at once."""

    worker_id: int
    tasks: int
    in_place: bool  # whether it knew of claims in place


async def rescue_exhausted(runner: Runner, *, limit: int) -> list[ExhaustedTask]:
    """Takes back at most `limit` tasks whose last attempt's lease ran out."""
    return [ExhaustedTask(*row) for row in await rescue_with_room(runner, limit)]


async def adopt_leases(runner: Runner) -> int:
    """Makes last attempts of older workers known to the rescue; how many."""
    return len(await runner.run("adopt_leases"))


async def expire_tasks(runner: Runner, *, limit: int) -> list[EndedTask]:
    """Ends at most `limit` tasks whose deadline has passed and which no worker runs."""
    return [EndedTask(*row) for row in await runner.run("expire_tasks", {"limit": limit})]


async def expire_workers(runner: Runner, *, limit: int) -> list[GoneWorker]:
    """Marks at most `limit` silent workers as gone and gives back what they held."""
    return [GoneWorker(*row) for row in await runner.run("expire_workers", {"limit": limit})]


async def forget_workers(runner: Runner, *, days: int) -> int:
    """Forgets workers that stopped more than so many days ago; how many."""
    return len(await runner.run("forget_workers", {"days": days}))
