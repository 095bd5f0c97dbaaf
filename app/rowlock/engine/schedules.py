"""Schedules as people deal with them: make, read, change, pause, resume, trigger, delete, and look ahead and back.

Each change is one statement, written under the condition that the schedule still is as it was read; where the leader or
somebody else moved it meanwhile, the change is decided anew. Every change stands in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rowlock.domain.bounds import LATEST, shown
from rowlock.domain.errors import AlreadyExists, Conflict, InvalidArgument, NotFound
from rowlock.domain.ids import new_id
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.domain.triggers import check_comes, check_left, describe, next_windows
from rowlock.engine.afterwards import already
from rowlock.engine.schedule_changes import (
    Turn,
    amended,
    first_anchor,
    first_due,
    request_of,
    same_rule,
    same_schedule,
    turned,
)
from rowlock.store import schedules, tasks, windows
from rowlock.store.database import Database
from rowlock.store.links import Runner
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.tasks import Stored
from rowlock.store.windows import WindowRecord

ATTEMPTS = 10
MAX_LISTED = 1_000
MAX_PREVIEW = 100

Decision = tuple[ScheduleRequest, Turn] | None
"""What the schedule becomes and where it goes on; None where nothing is to be done."""


async def create_schedule(
    runner: Runner,
    tenant_id: str,
    request: ScheduleRequest,
    *,
    actor: Actor,
    paused: bool = False,
) -> ScheduleRecord:
    """Stores a schedule whose windows count from now on.

    Raises `AlreadyExists`, and `InvalidArgument` where its rule never comes again.
    """
    now = await schedules.read_clock(runner)
    check_request_comes(request, request.anchor_at or first_anchor(now), now)
    if not await store_new(runner, tenant_id, request, actor, paused=paused):
        raise AlreadyExists(f"There is a schedule {request.name} already. Change it, or choose another name.")
    with already(f"The schedule {request.name} was made"):
        return await schedules.get_schedule(runner, tenant_id, request.name)


async def get_schedule(runner: Runner, tenant_id: str, name: str) -> ScheduleRecord:
    """The schedule. Raises `NotFound`."""
    return await schedules.get_schedule(runner, tenant_id, _name(name))


async def list_schedules(
    database: Database, tenant_id: str, *, past: str | None = None, limit: int = 100
) -> list[ScheduleRecord]:
    """At most `limit` (1 to 1,000) schedules by name, those beyond the name `past`: a page's last one."""
    check_limit(limit, MAX_LISTED)
    return await schedules.list_schedules(database, tenant_id, past=_name(past or ""), limit=limit)


async def update_schedule(
    database: Database,
    tenant_id: str,
    name: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
) -> ScheduleRecord:
    """Changes some of `schedule_request`'s arguments. Where the rule changes, its windows count from now on.

    Raises `NotFound`, `InvalidArgument` with the `field`, or `Conflict` where others keep changing it.
    """
    limit = database.settings.max_payload_bytes
    return await change_schedule(database, tenant_id, name, changes, actor=actor, max_payload_bytes=limit)


async def change_schedule(
    runner: Runner,
    tenant_id: str,
    name: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    max_payload_bytes: int,
) -> ScheduleRecord:
    """`update_schedule` on whatever runs statements, such as a transaction's connection."""

    def decide(seen: ScheduleRecord) -> Decision:
        request = amended(seen, changes, max_payload_bytes=max_payload_bytes)
        if same_schedule(seen, request):
            return None
        if not same_rule(seen, request):
            check_request_comes(request, seen.anchor_at, seen.read_at)
        return request, turned(seen, request)

    detail = {"fields": sorted(changes)}
    return await _change(runner, tenant_id, name, decide, actor, action="schedule.update", detail=detail)


async def pause_schedule(database: Database, tenant_id: str, name: str, *, actor: Actor) -> ScheduleRecord:
    """Stops the schedule from firing; nothing happens to one that is paused already. Raises `NotFound`."""
    await schedules.pause_schedule(database, tenant_id, _name(name), actor)
    with already(f"The schedule {name} was paused"):
        return await schedules.get_schedule(database, tenant_id, name)


async def resume_schedule(database: Database, tenant_id: str, name: str, *, actor: Actor) -> ScheduleRecord:
    """Lets a paused schedule fire again from now on; what it missed is recorded as skipped. Raises `NotFound`."""

    def decide(seen: ScheduleRecord) -> Decision:
        if not seen.paused:
            return None
        request = request_of(seen)
        return request, turned(seen, request, anew=True)

    return await _change(
        database,
        tenant_id,
        name,
        decide,
        actor,
        action="schedule.resume",
        detail={},
        resumes=True,
    )


async def trigger_now(
    runner: Runner, tenant_id: str, name: str, *, actor: Actor, task_id: UUID | None = None
) -> Stored:
    """Enqueues one task of the schedule outside its windows, paused or not. Raises `NotFound`.

    Under an id that the caller chose it may be asked for again: the task that was made then answers. Raises
    `AlreadyExists` where the id is that of any other task.
    """
    chosen = task_id or new_id()
    try:
        await schedules.trigger_schedule(runner, tenant_id, _name(name), actor, task_id=chosen)
    except AlreadyExists as error:
        if not await _has_triggered(runner, tenant_id, name, chosen):
            raise AlreadyExists(
                f"Task {chosen} exists already, and was not made by triggering the schedule {name}. "
                "Give the new task an id of its own."
            ) from error
        await tasks.confirm_commits(runner)
        return Stored(chosen, False)
    return Stored(chosen, True)


async def delete_schedule(database: Database, tenant_id: str, name: str, *, actor: Actor) -> None:
    """Deletes the schedule; the tasks it made go on, and its windows stay for their retention. Raises `NotFound`."""
    await schedules.delete_schedule(database, tenant_id, _name(name), actor)


async def list_windows(
    database: Database, tenant_id: str, name: str, *, before: datetime | None = None, limit: int = 100
) -> list[WindowRecord]:
    """At most `limit` (1 to 1,000) windows accounted for, newest first, those before an instant. Raises `NotFound`."""
    check_limit(limit, MAX_LISTED)
    schedule = await get_schedule(database, tenant_id, name)
    return await windows.get_windows(database, schedule.id, before=before or LATEST, limit=limit)


def upcoming_windows(schedule: ScheduleRecord, n: int = 5) -> list[datetime]:
    """The next `n` (1 to 100) windows that were not due when the schedule was read, such as one that its jitter still
    held back; fewer where its rule ends."""
    check_limit(n, MAX_PREVIEW)
    trigger = schedule.trigger()
    return next_windows(trigger, max(schedule.cursor_at, trigger.due_until(schedule.read_at)), n)


def describe_schedule(schedule: ScheduleRecord) -> str:
    """The schedule's rule in English."""
    return describe(schedule.trigger())


async def store_new(
    runner: Runner,
    tenant_id: str,
    request: ScheduleRequest,
    actor: Actor,
    *,
    application: str | None = None,
    paused: bool = False,
) -> bool:
    """Stores a schedule that begins now, without windows where its rule is over; False where the name is taken."""
    now = await schedules.read_clock(runner)
    anchor = request.anchor_at or first_anchor(now)
    schedule_id = new_id()
    trigger = request.trigger(anchor, str(schedule_id))
    return await schedules.insert_schedule(
        runner,
        tenant_id,
        request,
        actor,
        schedule_id=schedule_id,
        now=now,
        anchor_at=anchor,
        next_at=first_due(trigger, now),
        description=describe(trigger),
        application=application,
        paused=paused,
    )


async def store_changed(
    runner: Runner,
    seen: ScheduleRecord,
    request: ScheduleRequest,
    turn: Turn,
    actor: Actor,
    *,
    action: str,
    detail: Mapping[str, Any],
    application: str | None,
    resumes: bool = False,
) -> bool:
    """Writes a decision; False where the schedule is no longer as it was seen."""
    moved = {"cursor_from": seen.cursor_at, "cursor_to": turn.cursor_at, "skipped": len(turn.skipped)}
    anchor = request.anchor_at or seen.anchor_at
    return await schedules.change_schedule(
        runner,
        seen,
        request,
        actor,
        action=action,
        detail={**detail, **moved} if turn.cursor_at != seen.cursor_at else detail,
        anchor_at=anchor,
        cursor_at=turn.cursor_at,
        next_at=turn.next_at,
        description=describe(request.trigger(anchor)),
        application=application,
        resumes=resumes,
        skipped=turn.skipped,
    )


async def _change(
    runner: Runner,
    tenant_id: str,
    name: str,
    decide: Callable[[ScheduleRecord], Decision],
    actor: Actor,
    *,
    action: str,
    detail: Mapping[str, Any],
    resumes: bool = False,
) -> ScheduleRecord:
    for _ in range(ATTEMPTS):
        seen = await get_schedule(runner, tenant_id, name)
        decision = decide(seen)
        if decision is None:
            return seen
        request, turn = decision
        if await store_changed(
            runner,
            seen,
            request,
            turn,
            actor,
            action=action,
            detail=detail,
            application=seen.application,
            resumes=resumes,
        ):
            with already(f"The schedule {name} was changed"):
                return await schedules.get_schedule(runner, tenant_id, name)
    raise Conflict(f"The schedule {name} kept changing while it was being changed. Try again.")


async def _has_triggered(runner: Runner, tenant_id: str, name: str, task_id: UUID) -> bool:
    schedule = await schedules.get_schedule(runner, tenant_id, name)
    try:
        task = await tasks.get_task(runner, tenant_id, task_id)
    except NotFound:  # another tenant's
        return False
    return task.schedule_id == schedule.id and task.window_at is None


def _name(name: str) -> str:
    """A name that cannot be stored is a name that is not there."""
    if "\0" in name or not name.isascii():
        raise NotFound(f"There is no schedule {shown(name)}.")
    return name


def check_limit(limit: int, largest: int) -> None:
    """Raises `InvalidArgument` where a list would be empty, or too long."""
    if not 1 <= limit <= largest:
        raise InvalidArgument(f"The limit must be 1 to {largest}, not {limit}.", field="limit")


def check_request_comes(request: ScheduleRequest, anchor: datetime, now: datetime) -> None:
    """Raises `InvalidArgument` where the rule has no window after now."""
    if request.ends_at is not None and request.ends_at < now:
        raise InvalidArgument(f"The field ends_at is {request.ends_at}, but that is over.", field="ends_at")
    trigger = request.trigger(anchor)
    check_left(trigger, request.starts_at, request.ends_at)
    try:
        check_comes(trigger, now)
    except InvalidArgument as error:
        raise InvalidArgument(error.message, field=request.trigger_kind) from error
