"""Claiming and all that the holder of a lease may say, one function for each statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from rowlock.domain.errors import LeaseLost
from rowlock.domain.lanes import Lane, LanePlan, SweepPlan
from rowlock.store.arrays import Bigints, Instants, Integers, Smallints, Texts, Uuids
from rowlock.store.connections import Row
from rowlock.store.database import Database
from rowlock.store.links import Link, Runner, column_lists

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# The claim must walk its index in order: any other plan reads the whole backlog. Whatever the parameters, that is the
# plan, so the server need not plan anew, which takes longer than the scan for lanes itself. And a worker that freezes
# between two statements of a claim must not keep its locks, for which all others wait.
_ORDERED_SCANS = (
    "SELECT set_config('enable_bitmapscan', 'off', {0}), set_config('enable_seqscan', 'off', {0}), "
    "set_config('enable_sort', 'off', {0}), set_config('plan_cache_mode', 'force_generic_plan', {0}), "
    "set_config('idle_in_transaction_session_timeout', '5s', {0})"
)
ORDERED_SCANS_ONLY = _ORDERED_SCANS.format("true")
ORDERED_SCANS_FROM_NOW_ON = _ORDERED_SCANS.format("false")


class ClaimedTask(NamedTuple):
    """A task under a lease of this worker, as claims return it: a tuple, for it is made of a row at once."""

    id: UUID
    lease_token: int
    tenant_id: str
    queue: str
    priority: int
    lane: str
    name: str
    attempt: int
    max_attempts: int
    timeout_seconds: float | None
    payload_text: str
    payload_version: int
    metadata_text: str | None
    wait_seconds: float
    claimed_epoch: float
    cancel_requested: bool
    parent_id: UUID | None
    workflow_id: UUID | None
    deadline_seconds: float | None = None  # from the claim to the task's deadline
    lost_lease: bool = False  # an earlier attempt ended with its worker

    @property
    def must_run_alone(self) -> bool:
        """Whether this is the last attempt, after one that ended with its worker."""
        return self.lost_lease and self.attempt == self.max_attempts

    @property
    def payload(self) -> dict[str, Any]:
        """Decoded anew whenever it is asked for: a handler without arguments never asks."""
        text = self.payload_text
        payload: dict[str, Any] = {} if text == "{}" else orjson.loads(text)
        return payload

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Decoded when it is asked for, too: what SQL stored and Python cannot read fails its own attempt alone."""
        metadata: dict[str, Any] | None = None if self.metadata_text is None else orjson.loads(self.metadata_text)
        return metadata


_as_claimed: Callable[[Row], ClaimedTask] = partial(tuple.__new__, ClaimedTask)  # `_make` takes 2.5 times as long


class LeaseTerms(NamedTuple):
    """Who claims, and how: for so many seconds, and in the rows' places if that is wanted (see ADR 14)."""

    worker_id: int
    lease_seconds: float
    in_place: bool = True


@dataclass(frozen=True, slots=True)
class FoundLane:
    """A lane that scan of a queue came upon, and when its next task falls due, as far as the scan has looked ahead."""

    lane: Lane
    capped: bool
    due_in_seconds: float | None

    @property
    def due(self) -> bool:
        return self.due_in_seconds is not None and self.due_in_seconds <= 0


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """What a failing, snoozing or cancelled attempt says for the record."""

    id: UUID
    lease_token: int
    outcome: str
    reason: str
    error: str | None = None
    traceback: str | None = None
    delay_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal of leases found: all by lease token. `lapsed` are those that had run out in lanes with a cap."""

    renewed: frozenset[int]
    cancel_requested: frozenset[int]
    lost: frozenset[int]
    lapsed: frozenset[int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Renewal:
        """By the answer of the statements: lease token, whether a stop was asked for, and what became of the lease."""

        def that(became: str) -> frozenset[int]:
            return frozenset(token for token, _, this in rows if this == became)

        return cls(that("renewed"), frozenset(token for token, asked, _ in rows if asked), that("lost"), that("lapsed"))

    def __or__(self, other: Renewal) -> Renewal:
        return Renewal(
            self.renewed | other.renewed,
            self.cancel_requested | other.cancel_requested,
            self.lost | other.lost,
            self.lapsed | other.lapsed,
        )


async def find_lanes(
    runner: Runner,
    starts: Sequence[tuple[str, int, str]],
    *,
    lanes_per_scan: int,
    known: Sequence[tuple[Lane, datetime]] = (),
    ahead_seconds: float = 0,
) -> list[FoundLane]:
    """Lanes after each start (queue, priority, lane), in order of their names; `known` ones from their floors on. Of
    those that are not due it says when they will be, where that is no further ahead."""
    queues, priorities, past = column_lists(starts, 3)
    known_queues, known_priorities, known_lanes, known_floors = _columns(known)
    rows = await runner.run(
        "find_lanes",
        {
            "queues": Texts(queues),
            "priorities": Smallints(priorities),
            "past": Texts(past),
            "known_queues": known_queues,
            "known_priorities": known_priorities,
            "known_lanes": known_lanes,
            "known_floors": known_floors,
            "lanes_per_scan": lanes_per_scan,
            "ahead_seconds": ahead_seconds,
        },
    )
    return [FoundLane(Lane(queue, priority, lane), capped, due_in) for queue, priority, lane, capped, due_in in rows]


async def find_late(link: Link, plans: Sequence[SweepPlan]) -> dict[Lane, datetime]:
    """Since when the oldest is visible of what lies before the floors and can be claimed, in those of the lanes that
    have any."""
    queues, priorities, names, ends = _columns([(plan.lane, plan.ends) for plan in plans])
    parameters = {
        "queues": queues,
        "priorities": priorities,
        "lanes": names,
        "begins": Instants(plan.begins or BEGINNING for plan in plans),
        "ends": ends,
    }
    async with link.transaction():
        await link.query(ORDERED_SCANS_ONLY)
        rows = await link.run("find_late", parameters)
    return {Lane(queue, priority, lane): visible_at for queue, priority, lane, visible_at in rows}


def _columns(lanes: Sequence[tuple[Lane, datetime]]) -> tuple[Texts, Smallints, Texts, Instants]:
    """Queues, priorities, names, and the instants from which the lanes are looked at."""
    return (
        Texts(lane.queue for lane, _ in lanes),
        Smallints(lane.priority for lane, _ in lanes),
        Texts(lane.lane for lane, _ in lanes),
        Instants(floor for _, floor in lanes),
    )


async def claiming_link(database: Database) -> Link:
    """A connection for claims. It is told once how to plan; behind a pooler each claim tells its own transaction."""
    link = await database.own_link("claims")
    if not link.pooled:
        await link.query(ORDERED_SCANS_FROM_NOW_ON)
        link.ordered_scans = True
    return link


async def claim(link: Link, plans: Sequence[LanePlan], *, room: int, terms: LeaseTerms) -> list[ClaimedTask]:
    """At most `room` tasks of the planned lanes, under new leases."""
    queues, priorities, lanes, floors = _columns([(plan.lane, plan.floor or BEGINNING) for plan in plans])
    parameters = {
        "queues": queues,
        "priorities": priorities,
        "lanes": lanes,
        "floors": floors,
        "quotas": Integers(plan.quota for plan in plans),
        "room": room,
        **terms._asdict(),
    }
    return await _claimed(link, "claim", parameters)


async def claim_new(link: Link, plan: LanePlan, *, room: int, terms: LeaseTerms) -> list[ClaimedTask]:
    """The same for what has come to one lane; what ran out of its lease stays."""
    return await _claimed(link, "claim_new", _of_lane(plan, room, terms))


def _of_lane(plan: LanePlan, room: int, terms: LeaseTerms) -> dict[str, Any]:
    """Parameters of the statements that claim from one lane."""
    return {
        "queue": plan.lane.queue,
        "priority": plan.lane.priority,
        "lane": plan.lane.lane,
        "floor_at": plan.floor or BEGINNING,
        "room": min(room, plan.quota),
        **terms._asdict(),
    }


async def _claimed(link: Link, name: str, parameters: Mapping[str, Any]) -> list[ClaimedTask]:
    """Runs a claim so that it walks its index in order."""
    if link.ordered_scans:
        rows = await link.run(name, parameters)
    else:
        async with link.transaction():
            await link.query(ORDERED_SCANS_ONLY)
            rows = await link.run(name, parameters)
    return list(map(_as_claimed, rows))


async def claim_capped(link: Link, plan: LanePlan, *, room: int, terms: LeaseTerms) -> list[ClaimedTask]:
    """Tasks of one capped lane, as many as its cap leaves."""
    parameters = _of_lane(plan, room, terms)
    async with link.transaction():
        if not link.ordered_scans:
            await link.query(ORDERED_SCANS_ONLY)
        await link.run("lock_lane", parameters)
        rows = await link.run("claim_capped", parameters)
    return list(map(_as_claimed, rows))


# Whatever a worker says of its attempts waits for rows that others have locked, for each no longer than `lock_timeout`
# ("1s"): then nothing of it is done, and `DatabaseUnavailable` tells of the lock. None is the session's own setting.


async def complete(runner: Runner, ids: list[UUID], tokens: list[int], *, lock_timeout: str | None = None) -> set[int]:
    """Finishes attempts that returned nothing; the tokens that were accepted."""
    parameters = {"ids": Uuids(ids), "lease_tokens": Bigints(tokens), "lock_timeout": lock_timeout}
    return {row[0] for row in await runner.run("complete", parameters)}


async def complete_with_results(
    runner: Runner,
    ids: list[UUID],
    tokens: list[int],
    results: list[str],
    versions: list[int],
    *,
    lock_timeout: str | None = None,
) -> set[int]:
    """Finishes attempts with their results (JSON text) and the results' versions; the tokens that were accepted."""
    parameters = {
        "ids": Uuids(ids),
        "lease_tokens": Bigints(tokens),
        "results": results,
        "result_versions": versions,
        "lock_timeout": lock_timeout,
    }
    return {row[0] for row in await runner.run("complete_with_results", parameters)}


async def bury(runner: Runner, attempts: Sequence[FailedAttempt], *, lock_timeout: str | None = None) -> set[int]:
    """Sends tasks to the dead letters; the tokens that were accepted."""
    return await _say(runner, "bury", attempts, lock_timeout=lock_timeout)


async def acknowledge_cancel(
    runner: Runner, attempts: Sequence[FailedAttempt], *, lock_timeout: str | None = None
) -> set[int]:
    """Ends running tasks as cancelled; the tokens that were accepted."""
    return await _say(runner, "acknowledge_cancel", attempts, lock_timeout=lock_timeout)


async def retry(
    runner: Runner, attempts: Sequence[FailedAttempt], *, worker_id: int, lock_timeout: str | None = None
) -> set[int]:
    """Puts failed attempts back for another try; the tokens that were accepted."""
    return await _say(runner, "retry", attempts, worker_id=worker_id, lock_timeout=lock_timeout)


async def snooze(
    runner: Runner, attempts: Sequence[FailedAttempt], *, worker_id: int, lock_timeout: str | None = None
) -> set[int]:
    """Puts attempts back without spending them; the tokens that were accepted."""
    return await _say(runner, "snooze", attempts, worker_id=worker_id, lock_timeout=lock_timeout)


async def defer(runner: Runner, attempts: Sequence[FailedAttempt], *, lock_timeout: str | None = None) -> set[int]:
    """Leaves tasks that were not begun to workers that can run them; the tokens that were accepted."""
    return await _say(runner, "defer", attempts, lock_timeout=lock_timeout)


async def begin_alone(runner: Runner, task_id: UUID, token: int, *, lock_timeout: str | None = None) -> bool:
    """Notes that the attempt begins with nothing beside it; False where its lease is lost."""
    parameters = {"id": task_id, "lease_token": token, "lock_timeout": lock_timeout}
    return bool(await runner.run("begin_alone", parameters))


async def release(runner: Runner, ids: list[UUID], tokens: list[int], *, lock_timeout: str | None = None) -> int:
    """Gives back tasks that were never begun; how many were still this worker's."""
    parameters = {"ids": Uuids(ids), "lease_tokens": Bigints(tokens), "lock_timeout": lock_timeout}
    return len(await runner.run("release", parameters))


async def find_locked(runner: Runner, ids: list[UUID], tokens: list[int]) -> set[int]:
    """Tokens of those attempts whose tasks somebody else has locked at the moment."""
    rows = await runner.run("find_locked", {"ids": Uuids(ids), "lease_tokens": Bigints(tokens)})
    return {row[0] for row in rows}


async def release_unheard(runner: Runner, worker_id: int, *, known: list[int]) -> int:
    """Gives back what the worker holds beside the leases that it knows of, for an answer was lost; how many."""
    return len(await runner.run("release_unheard", {"worker_id": worker_id, "known_tokens": Bigints(known)}))


async def renew(runner: Runner, ids: list[UUID], tokens: list[int], *, lease_seconds: float) -> Renewal:
    """Renews leases; tells which attempts were asked to stop and which are lost. Those that lapsed are not renewed."""
    rows = await runner.run(
        "renew_leases", {"ids": Uuids(ids), "lease_tokens": Bigints(tokens), "lease_seconds": lease_seconds}
    )
    return Renewal.of(rows)


async def renew_capped(
    link: Link, ids: list[UUID], tokens: list[int], *, queue: str, lane: str, lease_seconds: float
) -> Renewal:
    """Renews leases that have run out, of tasks of one lane that has a cap, as far as it has room for them."""
    parameters = {
        "queue": queue,
        "lane": lane,
        "ids": Uuids(ids),
        "lease_tokens": Bigints(tokens),
        "lease_seconds": lease_seconds,
    }
    async with link.transaction():
        await link.run("lock_lane", parameters)
        rows = await link.run("renew_capped", parameters)
    return Renewal.of(rows)


async def cancel_requests(runner: Runner, worker_id: int, queues: list[str]) -> set[int]:
    """Lease tokens of the worker's attempts that were asked to stop."""
    return {row[0] for row in await runner.run("cancel_requests", {"worker_id": worker_id, "queues": queues})}


async def report_progress(
    runner: Runner, task_id: UUID, token: int, progress: str, *, lock_timeout: str | None = None
) -> bool:
    """Keeps progress (JSON text); whether the attempt was asked to stop. Raises `LeaseLost`."""
    parameters = {"id": task_id, "lease_token": token, "progress": progress, "lock_timeout": lock_timeout}
    rows = await runner.run("report_progress", parameters)
    if not rows:
        raise LeaseLost(f"The lease on task {task_id} is lost, so its progress was not kept.")
    return bool(rows[0][0])


async def _say(runner: Runner, name: str, attempts: Sequence[FailedAttempt], **more: object) -> set[int]:
    parameters: dict[str, object] = {
        "ids": [said.id for said in attempts],
        "lease_tokens": [said.lease_token for said in attempts],
        "outcomes": [said.outcome for said in attempts],
        "reasons": [said.reason for said in attempts],
        "errors": [said.error for said in attempts],
        "tracebacks": [said.traceback for said in attempts],
        **more,
    }
    if name in ("retry", "snooze", "defer"):
        parameters["delay_seconds"] = [said.delay_seconds for said in attempts]
    return {row[0] for row in await runner.run(name, parameters)}
