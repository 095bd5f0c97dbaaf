"""Moves the time of a test's database: delays, retries, leases and keys all go by `rowlock.clock()`."""

from __future__ import annotations

from datetime import timedelta

from rowlock.client import Rowlock
from rowlock.domain.errors import InvalidArgument
from rowlock.store.database import Database
from rowlock.store.statements import render

_MOVED = """
CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT now() + interval ''{seconds} seconds'''
"""


async def advance_clock(app: Rowlock, by: timedelta) -> None:
    """From now on every statement of the application's database sees the time `by` later than before.

    For databases of tests alone: the function is replaced for all who use it, and stays so.
    """
    if by < timedelta(0):
        raise InvalidArgument(f"The clock of a database cannot go back, as by {by}.", field="by")
    async with Database(app.settings, name="rowlock clock") as database, database.link() as link, link.transaction():
        clock = render("SELECT extract(epoch FROM rowlock.clock() - now())", app.settings.schema_)
        already = float((await link.query(clock))[0][0])
        moved = already + by.total_seconds()
        await link.query(render(_MOVED.format(seconds=f"{moved:f}"), app.settings.schema_))
