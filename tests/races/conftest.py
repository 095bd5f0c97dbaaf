"""One database for all races of a test program, whose clock stands still, whose tables have gates, and which has few
partitions, so that a race costs milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from tests.harness.installation import settings_for
from tests.harness.scripts import run_script
from tests.harness.virtual_clock import install_clock, read_clock
from tests.races.gates import install_gates
from tests.races.race import Ring
from tests.races.stage import Stage

from rowlock.store.database import Database
from rowlock.testing.databases import FreshDatabases

# Finished tasks are filed 7 or 30 days ahead, attempts and steps today: all other days' partitions can go.
FEW_PARTITIONS = """
DO $$
DECLARE
    child text;
BEGIN
    FOR child IN
        SELECT relname FROM pg_class WHERE relname ~ '^(tasks|executions|steps)_[0-9]{8}$' AND relkind = 'r'
           AND to_date(right(relname, 8), 'YYYYMMDD') - rowlock.today() NOT IN (0, 7, 30)
    LOOP
        EXECUTE format('DROP TABLE rowlock.%I', child);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def gated_database(full_databases: FreshDatabases) -> Iterator[str]:
    with full_databases.clone() as url:
        asyncio.run(_prepare(url))
        yield url


async def _prepare(url: str) -> None:
    async with Database(settings_for(url)) as database, database.link() as link:
        await install_clock(link)
        await run_script(link, FEW_PARTITIONS)
        await install_gates(link)


@pytest.fixture
async def ring(gated_database: str) -> AsyncIterator[Ring]:
    ring = await _open_ring(gated_database)
    yield ring
    await ring.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rings(gated_database: str) -> AsyncIterator[list[Ring]]:
    """The ring that the tests of a module share, once there is one."""
    rings: list[Ring] = []
    yield rings
    for ring in rings:
        await ring.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shared_ring(rings: list[Ring], gated_database: str) -> AsyncIterator[Ring]:
    """One whose connections know the statements already, and which remembers what comes of taking turns."""
    if not rings:
        rings.append(await _open_ring(gated_database))
    yield rings[0]
    if rings[0].racing:  # a test failed half-way and left who knows what open
        await rings.pop().close()


async def _open_ring(url: str) -> Ring:
    database = Database(settings_for(url))
    links = [await database.own_link(name) for name in ("first", "second", "keeper", "watch")]
    links[-1].ordered_scans = True  # the claims that set the scenes need no transaction for their settings
    return Ring(*links, Stage(links[-1], await read_clock(links[-1])))
