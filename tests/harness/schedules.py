"""Schedules for a test: made, led and fired step by step, at instants that the test sets."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.harness.installation import TENANT, Installation

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine import schedules
from rowlock.store import leaders
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OPERATOR = Actor("cli:ann", "request-1")


async def set_clock(here: Installation, instant: datetime) -> None:
    """From now on it is that instant for every statement of this database."""
    await here.query(
        "CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS "
        f"'SELECT ''{instant.isoformat()}''::timestamptz'"
    )


async def make_schedule(
    here: Installation, name: str = "report", tenant: str = TENANT, **options: Any
) -> ScheduleRecord:
    """A schedule; every minute where nothing else is asked for."""
    rule: dict[str, Any] = {} if options.keys() & {"cron", "interval"} else {"cron": "* * * * *"}
    request = schedule_request(name, options.pop("task_name", "reports.build"), **rule, **options)
    return await schedules.create_schedule(here.database, tenant, request, actor=OPERATOR)


async def new_epoch(here: Installation, holder: str = "test") -> int:
    """Elects a leader of no connection."""
    async with here.database.link() as link:
        return await leaders.take_leadership(link, "scheduler", holder)


async def fired(here: Installation, schedule_id: UUID | None = None) -> list[datetime]:
    """Windows of the tasks that schedules made, in order."""
    rows = await here.query(
        "SELECT window_at FROM rowlock.tasks WHERE window_at IS NOT NULL"
        " AND (%(id)s::uuid IS NULL OR schedule_id = %(id)s::uuid) ORDER BY window_at",
        {"id": schedule_id},
    )
    return [row[0] for row in rows]


async def outcomes(here: Installation, schedule_id: UUID) -> Counter[tuple[str, str | None]]:
    """How many rows of windows there are by outcome and reason."""
    rows = await here.query(
        "SELECT outcome, reason FROM rowlock.schedule_windows WHERE schedule_id = %(id)s", {"id": schedule_id}
    )
    return Counter((row[0], row[1]) for row in rows)


async def audited(here: Installation, subject: str = "report") -> list[str]:
    """What was done to a schedule, in order."""
    rows = await here.query(
        "SELECT action FROM rowlock.audit_log WHERE subject_kind = 'schedule' AND subject_id = %(subject)s ORDER BY at",
        {"subject": subject},
    )
    return [row[0] for row in rows]


async def quicken_clock(here: Installation, times: int) -> None:
    """From now on time goes so many times as fast for every statement of this database."""
    await here.query(
        "CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS "
        f"'SELECT begun + (now() - begun) * {times} FROM (SELECT ''{datetime.now(UTC)}''::timestamptz AS begun) AS at'"
    )


async def windows_by_schedule(here: Installation) -> dict[UUID, list[datetime]]:
    """The windows of all tasks that schedules made, in order, twice where one was made twice."""
    made: dict[UUID, list[datetime]] = {}
    for schedule_id, window_at in await here.query(
        "SELECT schedule_id, window_at FROM rowlock.tasks WHERE window_at IS NOT NULL ORDER BY window_at"
    ):
        made.setdefault(schedule_id, []).append(window_at)
    return made


def assert_every_window_once(made: dict[UUID, list[datetime]], *, every: timedelta, at_least: int) -> None:
    """Each schedule's windows are there without a gap and without a double."""
    for windows in made.values():
        assert len(windows) >= at_least
        assert windows == [windows[0] + n * every for n in range(len(windows))]
