"""The leader's duties: what one of them cannot do keeps nothing else from being done, and is done later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.harness.installation import Installation, installation
from tests.harness.scripts import run_script

from rowlock.scheduler.duties import Duties
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import Metrics

MARKS_ARE_REFUSED = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = '57014'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON rowlock.tasks_live FOR EACH ROW
    WHEN (new.status = 'running' AND new.lease_moved AND old.lease_moved IS NOT TRUE) EXECUTE FUNCTION refuse();
"""


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


async def test_leases_of_older_workers_are_adopted_last_and_until_it_is_done(here: Installation) -> None:
    """It reads the whole live table, and so may run into a time limit where everything else does not."""
    duties = Duties(here.database, Metrics(), Condition("scheduler"), epoch=1, on_lost=lambda _: None)
    assert await duties.rescue()
    last = await here.enqueue(max_attempts=1)
    await here.claim(worker=(await here.register_worker(knows=False, expires_seconds=15))[0])
    await here.query("UPDATE rowlock.tasks_live SET lease_moved = NULL")  # as an older worker leaves it
    overdue = await here.enqueue(expires_in=timedelta(seconds=20))
    await here.move_clock(timedelta(seconds=61))
    async with here.database.link() as link:
        await run_script(link, MARKS_ARE_REFUSED)
    assert not await duties.rescue()
    assert (await here.task(overdue)).status == "dead"
    assert (await here.task(last)).status != "dead"
    await here.query("DROP TRIGGER refuse ON rowlock.tasks_live")
    assert await duties.rescue()
    assert await duties.rescue()
    assert (await here.task(last)).status == "dead"
