"""Schedules that code declares: a deploy brings those of its application to what the code says, all or none.

What is new is made, what differs is changed, what is as declared keeps its cursor, and what vanished from the code is
paused, never deleted. One that a person paused stays paused; one that a sync paused is resumed when the code declares
it again. Several applications may share a tenant: each owns what it declares, and what another owns stays as it is
unless it is told to take it over. A schedule that people made under a declared name becomes the code's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import tenacity

from rowlock.domain.errors import DatabaseUnavailable, InvalidArgument, OutcomeUnknown
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.engine.schedule_changes import same_schedule, turned
from rowlock.engine.schedules import store_changed, store_new
from rowlock.store import schedules
from rowlock.store.database import Database
from rowlock.store.links import Link, Runner
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord

SYNC = Actor("sync")
MAX_DECLARED = 10_000
RETRIES = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown)),
    wait=tenacity.wait_random(0.05, 0.5),
    stop=tenacity.stop_after_attempt(10),
    reraise=True,
)


@dataclass(slots=True)
class SyncReport:
    """Names of the schedules by what became of them; `foreign` ones belong to another application, and stay its."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


async def sync_declared(
    database: Database,
    tenant_id: str,
    application: str,
    declared: Sequence[ScheduleRequest],
    *,
    take_over: bool = False,
    dry_run: bool = False,
) -> SyncReport:
    """Makes the schedules of the application those declared. Raises `InvalidArgument` for a name given twice.

    With `take_over`, those that another application declared become this one's. A `dry_run` only tells.
    """
    by_name = _by_name(declared)
    report = SyncReport()
    async for attempt in RETRIES.copy():
        with attempt:
            report = SyncReport()
            async with database.link() as link, link.transaction():
                await link.run("bound_transaction", {"lock_timeout": "2s"})
                await _sync(link, tenant_id, application, by_name, report, take_over=take_over, dry_run=dry_run)
    return report


async def _sync(
    link: Link,
    tenant_id: str,
    application: str,
    by_name: dict[str, ScheduleRequest],
    report: SyncReport,
    *,
    take_over: bool,
    dry_run: bool,
) -> None:
    found = await schedules.find_declared(link, tenant_id, application, list(by_name))
    present = {schedule.name: schedule for schedule in found}
    for name in sorted(by_name):
        seen = present.get(name)
        if seen is None:
            stored = dry_run or await store_new(link, tenant_id, by_name[name], SYNC, application=application)
            report.created.append(name)
        elif seen.application not in (None, application) and not take_over:
            stored = True
            report.foreign.append(name)
        else:
            stored = await _bring_to(link, seen, by_name[name], application, report, dry_run=dry_run)
        if not stored:
            raise DatabaseUnavailable(f"The schedule {name} was changed while it was being synced.")
    for name in sorted(present.keys() - by_name.keys()):
        if not present[name].paused:
            report.paused.append(name)
            if not dry_run:
                await schedules.pause_schedule(link, tenant_id, name, SYNC)


async def _bring_to(
    runner: Runner,
    seen: ScheduleRecord,
    request: ScheduleRequest,
    application: str,
    report: SyncReport,
    *,
    dry_run: bool,
) -> bool:
    resumes = seen.paused and seen.paused_by == SYNC.name
    if not resumes and seen.application == application and same_schedule(seen, request):
        report.unchanged.append(seen.name)
        return True
    (report.resumed if resumes else report.changed).append(seen.name)
    return dry_run or await store_changed(
        runner,
        seen,
        request,
        turned(seen, request, anew=resumes),
        SYNC,
        action="schedule.sync",
        detail={"resumed": resumes, "application": application},
        application=application,
        resumes=resumes,
    )


def _by_name(declared: Sequence[ScheduleRequest]) -> dict[str, ScheduleRequest]:
    if len(declared) > MAX_DECLARED:
        raise InvalidArgument(
            f"{len(declared)} schedules are declared; at most {MAX_DECLARED} may be.", field="declared"
        )
    by_name = {request.name: request for request in declared}
    if len(by_name) < len(declared):
        raise InvalidArgument("Two schedules are declared under one name.", field="name")
    return by_name
