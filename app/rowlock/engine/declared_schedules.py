"""Schedules that code declares: a deploy brings those of its application to what the code says, all or none.

What is new is made, what differs is changed, what is as declared keeps its cursor, and what vanished from the code is
paused, never deleted. One that a person paused stays paused; one that a sync paused is resumed when the code declares
it again. Several applications may share a tenant: each owns what it declares, and what another owns stays as it is
unless it is told to take it over. A schedule that people made under a declared name becomes the code's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import tenacity

from rowlock.domain.errors import DatabaseUnavailable, InvalidArgument, NotFound, OutcomeUnknown, is_lock_timeout
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.engine.schedule_changes import same_schedule, turned
from rowlock.engine.schedules import ATTEMPTS, store_changed, store_new
from rowlock.store import schedules
from rowlock.store.database import Database
from rowlock.store.links import Link
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord

SYNC = Actor("sync")
MAX_DECLARED = 10_000
LOCK_TIMEOUT = "2s"
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
                await link.run("bound_transaction", {"lock_timeout": LOCK_TIMEOUT})
                await _Sync(link, tenant_id, application, take_over, dry_run, report).bring_to(by_name)
    return report


@dataclass(frozen=True, slots=True)
class _Sync:
    """One sync, in a transaction of its own; it writes down in `report` what became of each schedule."""

    link: Link
    tenant_id: str
    application: str
    take_over: bool
    dry_run: bool
    report: SyncReport

    async def bring_to(self, declared: Mapping[str, ScheduleRequest]) -> None:
        found = await schedules.find_declared(self.link, self.tenant_id, self.application, list(declared))
        present = {schedule.name: schedule for schedule in found}
        for name in sorted(declared):
            with _naming(name):
                await self._bring(present.get(name), declared[name])
        for name in sorted(present.keys() - declared.keys()):
            if not present[name].paused:
                self.report.paused.append(name)
                if not self.dry_run:
                    with _naming(name):
                        await schedules.pause_schedule(self.link, self.tenant_id, name, SYNC)

    async def _bring(self, seen: ScheduleRecord | None, request: ScheduleRequest) -> None:
        """What the leader or somebody else moved since it was read is read again, and decided anew: with many to change
        there is always one, and to begin again with all of them would meet the next."""
        for _ in range(ATTEMPTS):
            became = await self._become(seen, request)
            if became is not None:
                became.append(request.name)
                return
            try:
                seen = await schedules.get_schedule(self.link, self.tenant_id, request.name)
            except NotFound:  # deleted again
                seen = None
        raise DatabaseUnavailable(f"The schedule {request.name} kept changing while it was being synced. Try again.")

    async def _become(self, seen: ScheduleRecord | None, request: ScheduleRequest) -> list[str] | None:
        """Where the report has what became of it; None where it is no longer as it was seen."""
        if seen is None:
            stored = self.dry_run or await store_new(
                self.link, self.tenant_id, request, SYNC, application=self.application
            )
            return self.report.created if stored else None
        if seen.application not in (None, self.application) and not self.take_over:
            return self.report.foreign
        resumes = seen.paused and seen.paused_by == SYNC.name
        if not resumes and seen.application == self.application and same_schedule(seen, request):
            return self.report.unchanged
        stored = self.dry_run or await store_changed(
            self.link,
            seen,
            request,
            turned(seen, request, anew=resumes),
            SYNC,
            action="schedule.sync",
            detail={"resumed": resumes, "application": self.application},
            application=self.application,
            resumes=resumes,
        )
        if not stored:
            return None
        return self.report.resumed if resumes else self.report.changed


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Says which schedule another transaction holds, for that may be one of thousands."""
    try:
        yield
    except DatabaseUnavailable as error:
        if not is_lock_timeout(error):
            raise
        raise DatabaseUnavailable(
            f"The schedule {name} could not be synced, for another transaction holds it. {error.message}",
            trouble=error.trouble,
        ) from error


def _by_name(declared: Sequence[ScheduleRequest]) -> dict[str, ScheduleRequest]:
    if len(declared) > MAX_DECLARED:
        raise InvalidArgument(
            f"{len(declared)} schedules are declared; at most {MAX_DECLARED} may be.", field="declared"
        )
    by_name = {request.name: request for request in declared}
    if len(by_name) < len(declared):
        raise InvalidArgument("Two schedules are declared under one name.", field="name")
    return by_name
