"""The engine's operations, one entry each: what is done, where it can matter, and what whoever did it was told.

An answer says of each word of the scene what became of it. A refusal is an answer too: its class.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.races.scenes import ACTOR, ANOTHER_WORKER, QUEUE, Scene

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.requests import task_request
from rowlock.domain.steps import StepName
from rowlock.domain.trouble import Trouble
from rowlock.engine import backfill, fire_decisions, schedules
from rowlock.store import leaders, leases, maintenance, operations, rescue, steps, tasks, windows
from rowlock.store.leases import LeaseTerms, Renewal
from rowlock.store.links import Link
from rowlock.store.maintenance import ExpiredPartition
from rowlock.store.steps import FinishedStep

Answer = dict[str, str]
Act = Callable[[Link, Scene, str], Awaitable[Answer]]  # the last is this operation's part: first or second


@dataclass(frozen=True)
class Operation:
    """One operation. `missed` is what it may say, having changed nothing, where somebody else was at it: nothing, if it
    passes over what others hold instead of waiting; that one should ask again, if it decides by what it read before."""

    act: Act
    scenes: frozenset[str]
    missed: Answer | None = None


def refusal(kind: str) -> Answer:
    """The answer of whoever is refused: it is about all that was asked."""
    return {"refused": kind}


OPERATIONS: dict[str, Operation] = {}


NOTHING: Answer = {}


def operation(*scenes: str, missed: Answer | None = None) -> Callable[[Act], Act]:
    def enter(act: Act) -> Act:
        OPERATIONS[act.__name__] = Operation(act, frozenset(scenes), missed)
        return act

    return enter


RUNNING = ("held", "silent", "expired", "spent")
BUSY = ("busy and skipping", "busy and replacing")


# What the holder of a lease says of its attempts.


def told(scene: Scene, accepted: Iterable[int]) -> Answer:
    accepted = set(accepted)
    return {word: "accepted" if task.lease_token in accepted else "lost" for word, task in scene.held.items()}


def became(scene: Scene, said: Renewal) -> Answer:
    return {
        word: "lost" if task.lease_token in said.lost
        else "asked to stop" if task.lease_token in said.cancel_requested
        else "renewed"
        for word, task in scene.held.items()
        if task.lease_token in said.lost | said.renewed
    }  # fmt: skip


@operation(*RUNNING, "overdue", "capped", *BUSY)
async def complete(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.complete(link, scene.held_ids, scene.held_tokens))


@operation("held")
async def complete_with_results(link: Link, scene: Scene, part: str) -> Answer:
    results = ["1" for _ in scene.held]
    return told(
        scene,
        await leases.complete_with_results(link, scene.held_ids, scene.held_tokens, results, [1 for _ in results]),
    )


@operation(*RUNNING, "capped", "busy and skipping")
async def retry(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.retry(link, scene.said("failed"), worker_id=scene.worker))


@operation("held", "expired")
async def snooze(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.snooze(link, scene.said("snoozed"), worker_id=scene.worker))


@operation("held", "expired")
async def defer(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.defer(link, scene.said("released")))


@operation("held", "spent")
async def bury(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.bury(link, scene.said("failed")))


@operation("held", "busy and replacing")
async def acknowledge_cancel(link: Link, scene: Scene, part: str) -> Answer:
    return told(scene, await leases.acknowledge_cancel(link, scene.said("cancelled")))


@operation("held", "expired", "capped")
async def release(link: Link, scene: Scene, part: str) -> Answer:
    """Tells only how many were given back, which is no word about any one of them."""
    await leases.release(link, scene.held_ids, scene.held_tokens)
    return NOTHING


@operation(*RUNNING, "overdue", missed=NOTHING)
async def renew(link: Link, scene: Scene, part: str) -> Answer:
    return became(scene, await leases.renew(link, scene.held_ids, scene.held_tokens, lease_seconds=30))


@operation("lapsed", missed=NOTHING)
async def renew_capped(link: Link, scene: Scene, part: str) -> Answer:
    ids, tokens = scene.held_ids, scene.held_tokens
    said = await leases.renew_capped(link, ids, tokens, queue=QUEUE, lane=scene.tenant, lease_seconds=30)
    return became(scene, said)


@operation("held", "expired")
async def report_progress(link: Link, scene: Scene, part: str) -> Answer:
    task = scene.held["two"]
    asked_to_stop = await leases.report_progress(link, task.id, task.lease_token, '{"done": 1}')
    return {"two": "asked to stop" if asked_to_stop else "kept"}


@operation("expired")
async def record_step(link: Link, scene: Scene, part: str) -> Answer:
    """Two under one lease are one that was sent again: both say the same."""
    task = scene.held["one"]
    done = FinishedStep(StepName("charge"), '"paid"', run_seconds=0)
    return {"one": await steps.record_step(link, scene.tenant, task.id, task.lease_token, done)}


@operation("expired", "spent")
async def begin_alone(link: Link, scene: Scene, part: str) -> Answer:
    task = scene.held["two"]
    return {"two": "held" if await leases.begin_alone(link, task.id, task.lease_token) else "lost"}


# What workers and the leader take.


@operation("waiting", "expired", "spent", "overdue", missed=NOTHING)
async def claim(link: Link, scene: Scene, part: str) -> Answer:
    taken = await leases.claim(link, [scene.plan()], room=10, terms=LeaseTerms(ANOTHER_WORKER, 30))
    return {scene.word(task.id): f"attempt {task.attempt}" for task in taken}


@operation("capped", "lapsed", "idle lane", missed=NOTHING)
async def claim_capped(link: Link, scene: Scene, part: str) -> Answer:
    taken = await leases.claim_capped(link, scene.plan(), room=10, terms=LeaseTerms(ANOTHER_WORKER, 30))
    return {scene.word(task.id): f"attempt {task.attempt}" for task in taken}


@operation("silent", "spent", missed=NOTHING)
async def expire_workers(link: Link, scene: Scene, part: str) -> Answer:
    gone = await rescue.expire_workers(link, limit=10)
    return {"worker": f"{len(gone)} gone"} if gone else {}


@operation("expired", "spent", missed=NOTHING)
async def rescue_exhausted(link: Link, scene: Scene, part: str) -> Answer:
    rescued = await rescue.rescue_exhausted(link, limit=10)
    return {scene.word(task.id): "buried" if task.dead else "to begin again" for task in rescued}


@operation("overdue", missed=NOTHING)
async def expire_tasks(link: Link, scene: Scene, part: str) -> Answer:
    return {scene.word(task.id): "expired" for task in await rescue.expire_tasks(link, limit=10)}


# What people and applications do.


@operation("waiting", *RUNNING, "overdue", "dead", "filed early", "capped", "idle lane")
async def cancel(link: Link, scene: Scene, part: str) -> Answer:
    return {"two": await operations.cancel_task(link, scene.tenant, scene.ids["two"], None, ACTOR)}


@operation(*BUSY)
async def cancel_running(link: Link, scene: Scene, part: str) -> Answer:
    return {"one": await operations.cancel_task(link, scene.tenant, scene.ids["one"], None, ACTOR)}


@operation("waiting", "held", "overdue", "capped")
async def change(link: Link, scene: Scene, part: str) -> Answer:
    changed = await operations.change_task(
        link, scene.tenant, scene.ids["two"], priority=3, run_at=None, delay_seconds=60, actor=ACTOR
    )
    return {"two": "changed" if changed else "not waiting"}


@operation("dead", "filed early", "waiting")
async def redrive(link: Link, scene: Scene, part: str) -> Answer:
    await operations.redrive_task(link, scene.tenant, scene.ids["two"], ACTOR)
    return {"two": "redriven"}


@operation("dead", "filed early")
async def redrive_dead(link: Link, scene: Scene, part: str) -> Answer:
    moved = await operations.redrive_dead(link, scene.tenant, queue=None, name=None, limit=10, actor=ACTOR)
    return {scene.word(task_id): "redriven" for task_id in moved}


@operation("waiting")
async def pause_queue(link: Link, scene: Scene, part: str) -> Answer:
    paused = await operations.pause_queue(link, scene.tenant, QUEUE, ACTOR)
    return {"queue": "paused" if paused else "was paused"}


@operation("capped", "idle lane")
async def raise_cap(link: Link, scene: Scene, part: str) -> Answer:
    await operations.set_limit(link, scene.tenant, QUEUE, scene.tenant, max_running=2, actor=ACTOR)
    return {"lane": "capped"}


@operation("capped", "idle lane")
async def lift_cap(link: Link, scene: Scene, part: str) -> Answer:
    lifted = await operations.lift_limit(link, scene.tenant, QUEUE, scene.tenant, ACTOR)
    return {"lane": "lifted" if lifted else "had none"}


# Requests under keys. The unique key is that of the scene's second task.


async def ask(link: Link, scene: Scene, part: str, payload: dict[str, Any], **options: Any) -> Answer:
    request = task_request("noop", payload, id=scene.ids[part], **options)
    [stored] = await tasks.insert_keyed(link, scene.tenant, [request])
    return {part: "created" if stored.created else f"is {scene.word(stored.id)}"}


@operation("free", "waiting", "held", "dead", "filed early")
async def enqueue_or_skip(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "skip"}, unique_key="two")


@operation("free", "waiting", "held")
async def enqueue_or_replace(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "replace"}, unique_key="two", on_duplicate="replace")


@operation("free", "waiting")
async def enqueue_or_be_refused(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "refuse"}, unique_key="two", on_duplicate="refuse")


@operation("free")
async def enqueue_once(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "key"}, idempotency_key="invoice")


@operation("free")
async def enqueue_another_once(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "another"}, idempotency_key="invoice")


@operation("free")
async def use_spent_key_anew(link: Link, scene: Scene, part: str) -> Answer:
    return await ask(link, scene, part, {"by": "anew"}, idempotency_key="spent", unique_key="two")


@operation("free", missed=NOTHING)
async def forget_keys(link: Link, scene: Scene, part: str) -> Answer:
    forgotten = await maintenance.forget_keys(link, limit=10)
    return {"key": f"{forgotten} forgotten"} if forgotten else {}


@operation("filed early", missed=NOTHING)
async def carry_early(link: Link, scene: Scene, part: str) -> Answer:
    """It says nothing, for where they are filed is no matter of the tasks', nor whether somebody holds one of them."""
    day = ExpiredPartition("tasks", f"tasks_{scene.now:%Y%m%d}", True, False, False)
    try:
        await maintenance.carry_early(link, day, page=0, pages=1_000)
    except DatabaseUnavailable as error:
        if error.trouble is not Trouble.LOCK_TIMEOUT:
            raise
    return NOTHING


# Schedules and their windows.


@operation("scheduled", *BUSY, missed={"schedule": "0 moved, []"})
async def fire(link: Link, scene: Scene, part: str) -> Answer:
    """The leader's tick, from what it saw of the schedule before the other came."""
    advances, _ = fire_decisions.decide([scene.due], 100)
    [(_, scene.ids[part])] = advances[0].fire
    return _told(await windows.fire_windows(link, scene.epoch, advances))


@operation("scheduled")
async def fire_with_a_former_epoch(link: Link, scene: Scene, part: str) -> Answer:
    advances, _ = fire_decisions.decide([scene.due], 100)
    return _told(await windows.fire_windows(link, scene.epoch - 1, advances))


def _told(done: windows.Fired) -> Answer:
    return {"schedule": f"{len(done.moved)} moved, {[window.outcome for window in done.windows]}"}


@operation("scheduled", missed=refusal("Conflict"))
async def backfill_window(link: Link, scene: Scene, part: str) -> Answer:
    done = await backfill.backfill(
        link, scene.tenant, "report", since=scene.now - timedelta(minutes=1), until=scene.now, actor=ACTOR
    )
    for scene.ids[part] in done.fired.values():
        return {"schedule": "fired"}
    return {"schedule": "had fired"}


@operation("scheduled", *BUSY)
async def trigger_schedule(link: Link, scene: Scene, part: str) -> Answer:
    scene.ids[part] = (await schedules.trigger_now(link, scene.tenant, "report", actor=ACTOR)).id
    return {part: "triggered"}


@operation("scheduled")
async def pause_schedule(link: Link, scene: Scene, part: str) -> Answer:
    paused = await schedules.pause_schedule(link, scene.tenant, "report", actor=ACTOR)
    return {"schedule": f"paused: {paused.paused_at is not None}"}


@operation("scheduled")
async def delete_schedule(link: Link, scene: Scene, part: str) -> Answer:
    await schedules.delete_schedule(link, scene.tenant, "report", actor=ACTOR)
    return {"schedule": "deleted"}


@operation("scheduled")
async def take_the_lead(link: Link, scene: Scene, part: str) -> Answer:
    epoch = await leaders.take_leadership(link, "scheduler", part)
    return {"leader": f"epoch +{epoch - scene.epoch}"}
