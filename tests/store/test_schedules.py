"""What a tick costs with a hundred thousand schedules, and the pages and windows that people read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness.installation import TENANT, Installation, installation
from tests.harness.schedules import NOON, make_schedule, new_epoch, set_clock

from rowlock.engine.fire import fire_due
from rowlock.store.links import Link
from rowlock.store.statements import statement

MANY = 100_000


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        await set_clock(made, NOON)
        yield made


async def fill(here: Installation) -> None:
    """As many schedules, one of them due each second from now on."""
    await here.query(
        "INSERT INTO rowlock.schedules (id, name, trigger_kind, expression, cursor_at, next_at, task_name)"
        " SELECT rowlock.new_id(), 's' || n, 'cron', '@daily', %(noon)s, %(noon)s + n * interval '1 s', 't'"
        " FROM generate_series(1, %(many)s) AS n",
        {"noon": NOON, "many": MANY},
    )
    await here.query("ANALYZE rowlock.schedules")


async def plan_of(here: Installation, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    found = (await here.query(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}", parameters))[0][0]
    document = json.loads(found) if isinstance(found, str) else found
    plan: dict[str, Any] = document[0]["Plan"]
    return plan


def blocks(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_a_tick_reads_what_is_due_and_nothing_else(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(here)
    asked: list[str] = []
    run = Link.run

    async def noting(link: Link, name: str, *parameters: Any) -> list[Any]:
        asked.append(name)
        return await run(link, name, *parameters)

    monkeypatch.setattr(Link, "run", noting)
    assert (await fire_due(here.database, await new_epoch(here))).fired == 0
    assert asked == ["take_leadership", "due_schedules"]  # an idle tick is one query

    for name in ("due_schedules", "due_schedules_latest"):
        for due in (0, 10):
            await set_clock(here, NOON + timedelta(seconds=due))
            plan = await plan_of(here, name, {"limit": 10_000})
            assert plan["Actual Rows"] == due
            assert blocks(plan) < 20 + 3 * due
            assert "Seq Scan" not in json.dumps(plan)
        await set_clock(here, NOON)

    page = await plan_of(here, "list_schedules", {"tenant_id": TENANT, "past": "s2", "limit": 100})
    assert page["Actual Rows"] == 100
    assert blocks(page) < 600


async def test_live_tasks_of_a_schedule_are_found_by_one_probe(here: Installation) -> None:
    schedule = await make_schedule(here)
    await here.query(
        "INSERT INTO rowlock.tasks_live (id, name, schedule_id)"
        " SELECT rowlock.new_id(), 't', CASE n %% 1000 WHEN 0 THEN %(id)s END FROM generate_series(1, 20000) AS n",
        {"id": schedule.id},
    )
    await here.query("ANALYZE rowlock.tasks_live")
    text = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM rowlock.tasks_live WHERE schedule_id = %(id)s LIMIT 1"
    for wanted, rows in ((schedule.id, 1), (uuid4(), 0)):
        [(found,)] = await here.query(text, {"id": wanted})
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        assert "tasks_live_schedule" in json.dumps(plan)
        assert (plan["Actual Rows"], blocks(plan) <= 4) == (rows, True)


async def test_the_record_of_a_window_is_found_by_two_probes(here: Installation) -> None:
    schedule = await make_schedule(here)
    await here.query(
        "INSERT INTO rowlock.schedule_windows (schedule_id, window_at, tenant_id, outcome, passed_after, epoch)"
        " SELECT %(id)s, %(noon)s + n * interval '1 min', 'default', 'skipped',"
        "        CASE WHEN n = 20000 THEN %(noon)s - interval '1 year' END, 1 FROM generate_series(1, 20000) AS n",
        {"id": schedule.id, "noon": NOON},
    )
    await here.query("ANALYZE rowlock.schedule_windows")
    long_ago = {"schedule_id": schedule.id, "window_at": NOON - timedelta(days=100)}
    plan = await plan_of(here, "find_window", long_ago)
    assert plan["Actual Rows"] == 1
    assert blocks(plan) < 40
