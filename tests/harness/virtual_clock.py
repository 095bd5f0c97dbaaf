"""A clock for tests that move time often: one row of the test's database, read by `rowlock.clock()`.

Moving it is one small UPDATE, where `Installation.move_clock` replaces the function and so has every statement planned
anew.
"""

from __future__ import annotations

from datetime import datetime

from tests.harness.scripts import run_script

from rowlock.store.links import Link

SCHEMA = """
CREATE SCHEMA virtual;
CREATE TABLE virtual.clock (now_at timestamptz NOT NULL);
INSERT INTO virtual.clock VALUES (date_trunc('second', now()));
CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT now_at FROM virtual.clock';
"""


async def install_clock(link: Link) -> None:
    """From now on time stands still, at the present second, until it is moved."""
    await run_script(link, SCHEMA)


async def read_clock(link: Link) -> datetime:
    rows = await link.query("SELECT now_at FROM virtual.clock")
    now: datetime = rows[0][0]
    return now


async def set_clock(link: Link, now: datetime) -> None:
    await link.query("UPDATE virtual.clock SET now_at = %(now)s", {"now": now})
