"""Backfilling: past windows of a schedule that never fired are fired now, each as a task that carries its window.

Whatever was accounted for as fired is not fired again, so a backfill may be repeated, and one that was cut short goes
on where it ended; what is so old that nobody knows any more is refused. Windows that were skipped, that nobody got to,
or that lie before the schedule was made, may be fired. Overlap policies do not hold a backfill back; where tasks may
not overlap they still run one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from uuid import UUID

from rowlock.domain.bounds import EARLIEST, check_run_at
from rowlock.domain.errors import Conflict, DatabaseUnavailable, InvalidArgument, OutcomeUnknown
from rowlock.domain.ids import new_id
from rowlock.domain.trigger_base import INSTANT
from rowlock.engine.schedules import get_schedule
from rowlock.store import windows
from rowlock.store.links import Runner
from rowlock.store.maintenance import LEDGER_DAYS
from rowlock.store.operations import Actor
from rowlock.store.schedules import ScheduleRecord

MAX_BACKFILL = 10_000
WINDOWS_PER_STATEMENT = 1_000


@dataclass(slots=True)
class Backfill:
    """The windows of the range, and the tasks of those that it fired; all others had fired before."""

    windows: int = 0
    fired: dict[datetime, UUID] = field(default_factory=dict)


async def backfill(
    runner: Runner, tenant_id: str, name: str, *, since: datetime, until: datetime, actor: Actor
) -> Backfill:
    """Fires the windows from `since` to `until`, both included, that never fired; at most 10,000.

    Raises `NotFound`, `InvalidArgument` whose `field` is `since` or `until`, `Conflict` where the schedule is changed
    meanwhile, and `OutcomeUnknown` where the database goes away when some are fired: then ask again.
    """
    done = Backfill()
    try:
        await fire_range(done, runner, tenant_id, name, since=since, until=until, actor=actor)
    except (DatabaseUnavailable, OutcomeUnknown) as error:
        unknown = isinstance(error, OutcomeUnknown)
        if not done.windows or not (done.fired or unknown):
            raise
        more = ", and perhaps more of them" if unknown else ""
        raise OutcomeUnknown(
            f"The database went away while windows of the schedule {name} were being fired: {len(done.fired)} of "
            f"{done.windows} are{more}. Ask again: what has fired does not fire twice."
        ) from error
    return done


async def fire_range(
    done: Backfill, runner: Runner, tenant_id: str, name: str, *, since: datetime, until: datetime, actor: Actor
) -> None:
    """The same, but raises what the database says; `done` has what was fired until then."""
    since, until = check_run_at(since, field="since"), check_run_at(until, field="until")
    schedule = await get_schedule(runner, tenant_id, name)
    asked = await asyncio.to_thread(_windows, schedule, since, until)
    done.windows = len(asked)
    for start in range(0, len(asked), WINDOWS_PER_STATEMENT):
        fired = await windows.backfill_windows(
            runner,
            tenant_id,
            name,
            schedule.id,
            actor,
            seen_updated_at=schedule.updated_at,
            tasks={at: new_id() for at in asked[start : start + WINDOWS_PER_STATEMENT]},
        )
        if fired is None:
            raise Conflict(
                f"The schedule {name} was changed while its windows were being fired, and {len(done.fired)} of "
                f"{len(asked)} are. Ask again: what has fired does not fire twice."
            )
        done.fired |= fired


def known_since(schedule: ScheduleRecord) -> datetime:
    """From when on it is known which windows of the schedule have fired."""
    oldest_record = schedule.read_at - timedelta(days=LEDGER_DAYS)
    return oldest_record if schedule.created_at < oldest_record else EARLIEST


def _windows(schedule: ScheduleRecord, since: datetime, until: datetime) -> Sequence[datetime]:
    if until < since:
        raise InvalidArgument(f"The field until is {until}, but must not be before since, {since}.", field="until")
    if until > schedule.read_at:
        raise InvalidArgument(
            f"The field until is {until}, but must not be later than now: windows to come fire by themselves.",
            field="until",
        )
    known = known_since(schedule)
    if since < known:
        raise InvalidArgument(
            f"The field since is {since}, but must not be before {known}: which windows have fired is known for "
            f"{LEDGER_DAYS} days, and older ones might fire twice.",
            field="since",
        )
    ahead = takewhile(lambda window: window <= until, schedule.trigger().windows_after(since - INSTANT))
    asked = list(islice(ahead, MAX_BACKFILL + 1))
    if len(asked) > MAX_BACKFILL:
        raise InvalidArgument(
            f"There are more than {MAX_BACKFILL} windows from {since} to {until}: backfill them in shorter ranges.",
            field="until",
        )
    return asked
