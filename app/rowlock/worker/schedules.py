"""A starting worker brings the schedules of its application to what its code declares.

Of many workers of one deploy the first changes them, and the others find nothing to do. Work does not wait for it;
while the database is away, or another transaction holds one of them, it is tried again, and the log says why. With
`ROWLOCK_SYNC_SCHEDULES=false`, `rowlock schedules sync` does it.
"""

from __future__ import annotations

import asyncio

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError
from rowlock.store.database import Database
from rowlock.store.declarations import has_declared_schedules
from rowlock.telemetry.logs import get_logger

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

_log = get_logger("rowlock.worker")


async def sync_schedules(app: Rowlock, database: Database, settings: Settings) -> None:
    """Syncs once; what is wrong with the schedules is logged, and is no reason not to work."""
    pause, told = FIRST_PAUSE_SECONDS, ""
    while settings.sync_schedules:
        try:
            await _sync(app, database, settings.tenant)
        except (DatabaseUnavailable, OutcomeUnknown) as error:
            if error.message != told:
                told = error.message
                _log.warning(
                    "The declared schedules could not be stored yet, and are tried again.",
                    application=app.name,
                    error=told,
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            continue
        except RowlockError as error:
            _log.error("The declared schedules could not be stored.", application=app.name, error=error.message)
        return


async def _sync(app: Rowlock, database: Database, tenant_id: str) -> None:
    if not app.schedules.declared and not await has_declared_schedules(database, tenant_id, app.name):
        return
    from rowlock.engine.declared_schedules import sync_declared  # brings calendars, which most workers do without

    report = await sync_declared(database, tenant_id, app.name, list(app.schedules.declared.values()))
    if report.foreign:
        _log.error(
            "Schedules that are declared here belong to another application, and stay its. Declare each in one "
            "application only, or take them over: rowlock schedules sync --take-over.",
            application=app.name,
            schedules=report.foreign,
        )
    if report.paused:
        _log.warning(
            "Schedules are paused, for the code declares them no longer.",
            application=app.name,
            schedules=report.paused,
        )
    if report.created or report.changed or report.resumed:
        _log.info(
            "The schedules are as the code declares them.",
            application=app.name,
            created=report.created,
            changed=report.changed,
            resumed=report.resumed,
        )
