"""What an idle tick costs, and the pages that lists are read from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.harness.installation import TENANT, Installation, installation
from tests.harness.schedules import NOON, set_clock

from rowlock.store.statements import statement


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        await set_clock(made, NOON)
        await made.query(
            "INSERT INTO rowlock.schedules (id, name, trigger_kind, expression, cursor_at, next_at, task_name)"
            " SELECT rowlock.new_id(), 's' || n, 'cron', '@daily', %(noon)s, %(noon)s + n * interval '1 s', 't'"
            " FROM generate_series(1, 30000) AS n",
            {"noon": NOON},
        )
        await made.query("ANALYZE rowlock.schedules")
        yield made


async def plan_of(here: Installation, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    found = (await here.query(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}", parameters))[0][0]
    document = json.loads(found) if isinstance(found, str) else found
    plan: dict[str, Any] = document[0]["Plan"]
    return plan


@pytest.mark.parametrize("due", [0, 10])
async def test_a_tick_reads_what_is_due_and_nothing_else(here: Installation, due: int) -> None:
    await set_clock(here, NOON + timedelta(seconds=due))
    plan = await plan_of(here, "due_schedules", {"limit": 1_000})
    assert plan["Actual Rows"] == due
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20 + 3 * due
    assert "Seq Scan" not in json.dumps(plan)


async def test_a_page_of_schedules_is_read_from_the_primary_key(here: Installation) -> None:
    parameters = {"tenant_id": TENANT, "past": "s2", "limit": 100}
    plan = await plan_of(here, "list_schedules", parameters)
    assert plan["Actual Rows"] == 100
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 600
