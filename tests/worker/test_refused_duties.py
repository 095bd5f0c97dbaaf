"""What a trigger of the database's owner refuses, in whatever words: the worker says so, and tries until it may."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Rowlock

SOON = timedelta(seconds=20)
DUTIES = {
    "claim": "tasks_live FOR EACH ROW WHEN (NEW.lease_token IS DISTINCT FROM OLD.lease_token AND NEW.name = 'echo')",
    "renewal": "tasks_live FOR EACH ROW WHEN (NEW.lease_token = OLD.lease_token)",
    "heartbeat": "workers FOR EACH ROW",
}


@pytest.mark.parametrize("duty", DUTIES)
@pytest.mark.parametrize("state", ["P0001", "23502", "0A000"])
async def test_a_refusal_without_a_name_ends_no_worker(app: Rowlock, here: Installation, duty: str, state: str) -> None:
    gate = asyncio.Event()

    @app.task(name="waits")
    async def waits() -> str:
        await gate.wait()
        return "done"

    @app.task(name="echo")
    async def echo(n: int) -> int:
        return n

    async with working(app, lease_seconds=3) as worker:
        long = await waits.enqueue()
        await eventually(lambda: worker.held.attempts)
        await here.query(
            "CREATE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE 'not here' USING ERRCODE = '{state}'; END $$"
        )
        await here.query(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON rowlock.{DUTIES[duty]} EXECUTE FUNCTION rowlock.refuse()"
        )
        short = await echo.enqueue(n=3)
        await eventually(lambda: worker.health[0] != "healthy")
        assert worker.condition.ailments[0].kind == "other"
        assert "not here" in str(worker.health[1])
        await here.query(f"DROP TRIGGER refuse ON rowlock.{DUTIES[duty].split()[0]}")
        await eventually(lambda: worker.health == ("healthy", None))
        gate.set()
        assert (await long.result(SOON), await short.result(SOON)) == ("done", 3)
