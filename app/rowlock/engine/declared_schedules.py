"""Schedules that code declares: a deploy brings the tenant's to what the code says, all or none.

What is new is made, what differs is changed, what is as declared keeps its cursor, and what vanished from the code is
paused, never deleted. One that a person paused stays paused; one that a sync paused is resumed when the code declares
it again. A tenant's schedules with source `code` belong to one code base: two that declare different sets would pause
each other's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import tenacity

from rowlock.domain.errors import DatabaseUnavailable, InvalidArgument, NotFound, OutcomeUnknown
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.engine.schedule_changes import begun_anew, carried_on, same_rule, same_schedule
from rowlock.engine.schedules import store_changed, store_new
from rowlock.store import schedules
from rowlock.store.database import Database
from rowlock.store.links import Runner
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord

SYNC = Actor("sync")
SOURCE = "code"
MAX_DECLARED = 10_000
PAGE = 1_000
RETRIES = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown)),
    wait=tenacity.wait_random(0.05, 0.5),
    stop=tenacity.stop_after_attempt(10),
    reraise=True,
)


@dataclass(slots=True)
class SyncReport:
    """Names of the schedules by what became of them."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)


async def sync_declared(database: Database, tenant_id: str, declared: Sequence[ScheduleRequest]) -> SyncReport:
    """Makes the tenant's schedules of source `code` those declared. Raises `InvalidArgument` for a name given twice."""
    if len(declared) > MAX_DECLARED:
        raise InvalidArgument(
            f"{len(declared)} schedules are declared; at most {MAX_DECLARED} may be.", field="declared"
        )
    by_name = {request.name: request for request in declared}
    if len(by_name) < len(declared):
        raise InvalidArgument("Two schedules are declared under one name.", field="name")
    report = SyncReport()
    async for attempt in RETRIES.copy():
        with attempt:
            report = SyncReport()
            async with database.link() as link, link.transaction():
                await link.run("bound_transaction")
                for name in sorted(by_name):
                    await _upsert(link, tenant_id, by_name[name], report)
                for name in await _vanished(link, tenant_id, by_name.keys()):
                    await schedules.pause_schedule(link, tenant_id, name, SYNC)
                    report.paused.append(name)
    return report


async def _upsert(runner: Runner, tenant_id: str, request: ScheduleRequest, report: SyncReport) -> None:
    try:
        seen = await schedules.get_schedule(runner, tenant_id, request.name)
    except NotFound:
        stored = await store_new(runner, tenant_id, request, SYNC, source=SOURCE)
        report.created.append(request.name)
    else:
        stored = await _bring_to(runner, seen, request, report)
    if not stored:
        raise DatabaseUnavailable(f"The schedule {request.name} was changed while it was being synced.")


async def _bring_to(runner: Runner, seen: ScheduleRecord, request: ScheduleRequest, report: SyncReport) -> bool:
    resumes = seen.paused and seen.paused_by == SYNC.name
    if not resumes and seen.source == SOURCE and same_schedule(seen, request):
        report.unchanged.append(seen.name)
        return True
    goes_on = not resumes and same_rule(seen, request)
    (report.resumed if resumes else report.changed).append(seen.name)
    return await store_changed(
        runner,
        seen,
        request,
        carried_on(seen) if goes_on else begun_anew(seen, request),
        SYNC,
        action="schedule.sync",
        detail={"resumed": resumes},
        source=SOURCE,
        resumes=resumes,
    )


async def _vanished(runner: Runner, tenant_id: str, kept: Collection[str]) -> list[str]:
    """Active schedules of source `code` that the code no longer declares."""
    vanished: list[str] = []
    past = ""
    while True:
        page = await schedules.list_schedules(runner, tenant_id, past=past, source=SOURCE, limit=PAGE)
        vanished += [s.name for s in page if s.name not in kept and not s.paused]
        if len(page) < PAGE:
            return vanished
        past = page[-1].name
