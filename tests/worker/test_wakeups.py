"""What workers are woken with: that there is work, and in which lane where it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.harness.eventually import eventually
from tests.harness.figures import figure
from tests.harness.installation import Installation

from rowlock.domain.lanes import Lane
from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue_many
from rowlock.worker.wakeups import MOST_LANES, Wakeups


@pytest.fixture
def asked() -> list[int]:
    """The workers that were told to look for requests to cancel."""
    return []


@pytest.fixture
async def wakeups(here: Installation, asked: list[int]) -> AsyncIterator[Wakeups]:
    """Those of a worker of two queues, which listens and has been woken by that alone."""
    made = Wakeups(here.database, ["default", "mail"], poll_seconds=20, on_cancel=asked.append)
    listening = asyncio.create_task(made.run())
    await eventually(lambda: made.listening)
    await made.wait()  # for something may have come before it listened
    assert made.take_lanes() == set()
    yield made
    listening.cancel()


async def heard(number: float) -> None:
    await eventually(lambda: figure("notifications_total") == number)


async def test_one_task_is_told_with_its_lane(here: Installation, wakeups: Wakeups) -> None:
    await here.enqueue(tenant="acme", queue="mail", priority="high", flow_key="a b")
    await wakeups.wait()
    assert wakeups.take_lanes() == {Lane("mail", 1, "acme/a b")}
    assert wakeups.take_lanes() == set()


async def test_a_batch_of_one_lane_is_told_with_it(here: Installation, wakeups: Wakeups) -> None:
    await enqueue_many(here.database, "acme", [task_request("noop") for _ in range(3)])
    await wakeups.wait()
    assert wakeups.take_lanes() == {Lane("default", 2, "acme")}


async def test_a_batch_of_several_only_wakes(here: Installation, wakeups: Wakeups) -> None:
    await enqueue_many(here.database, "acme", [task_request("noop"), task_request("noop", priority="low")])
    await wakeups.wait()
    assert wakeups.take_lanes() == set()


@pytest.mark.parametrize("keys", [{}, {"unique_key": "u"}], ids=["plain", "keyed"])
async def test_sql_tells_lanes_as_well(here: Installation, wakeups: Wakeups, keys: dict[str, str]) -> None:
    task = {"name": "noop", "queue": "mail", "flow_key": "x", **keys}
    await here.query("SELECT * FROM rowlock.enqueue_many(%(tasks)s::jsonb, 'acme')", {"tasks": json.dumps([task])})
    await wakeups.wait()
    assert wakeups.take_lanes() == {Lane("mail", 2, "acme/x")}
    tasks = [task, {"name": "noop", "queue": "mail", **keys, **dict.fromkeys(keys, "v")}]
    await here.query("SELECT * FROM rowlock.enqueue_many(%(tasks)s::jsonb, 'acme')", {"tasks": json.dumps(tasks)})
    await wakeups.wait()
    assert wakeups.take_lanes() == set()


async def test_what_falls_due_within_a_second_is_told_as_well(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    await here.enqueue(tenant="one", delay=0.9)
    await enqueue_many(here.database, "many", [task_request("noop", delay=0.9) for _ in range(2)])
    await here.query("SELECT rowlock.enqueue('noop', tenant_id => 'sql', run_at => rowlock.clock() + interval '0.9 s')")
    await here.query("SELECT rowlock.enqueue('noop', tenant_id => 'no', run_at => rowlock.clock() + interval '1 hour')")
    await heard(before + 3)
    assert wakeups.take_lanes() == {Lane("default", 2, tenant) for tenant in ("one", "many", "sql")}


async def test_lanes_are_gathered_while_nobody_waits(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    for tenant in ("a", "b", "a"):
        await here.enqueue(tenant=tenant)
    await here.enqueue(queue="others")
    await here.query("SELECT pg_notify(rowlock.wake_channel(), 'cancel:x')")
    await heard(before + 5)
    await wakeups.wait()
    assert wakeups.take_lanes() == {Lane("default", 2, "a"), Lane("default", 2, "b")}


@pytest.mark.parametrize("number", ["x", "", "-1", "²", "٣", "9" * 5_000], ids=lambda number: number[:3])
async def test_what_is_no_number_of_a_worker_asks_nobody_to_cancel(
    here: Installation, wakeups: Wakeups, asked: list[int], caplog: pytest.LogCaptureFixture, number: str
) -> None:
    before = figure("notifications_total")
    for said in (number, "7"):
        await here.query("SELECT pg_notify(rowlock.wake_channel(), 'cancel:' || %(said)s::text)", {"said": said})
    await heard(before + 2)
    assert (asked, caplog.text) == ([7], "")


@pytest.mark.parametrize(
    "payload", ["default", "default ", "default 4 a", "default ² a", "default 99999 a", "default 2"]
)
async def test_what_names_no_lane_only_wakes(here: Installation, wakeups: Wakeups, payload: str) -> None:
    await here.query("SELECT pg_notify(rowlock.wake_channel(), %(payload)s)", {"payload": payload})
    await wakeups.wait()
    assert wakeups.take_lanes() == set()


async def test_of_too_many_lanes_some_are_left_to_scans(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    await here.query(
        "SELECT pg_notify(rowlock.wake_channel(), 'default 2 t' || n) FROM generate_series(0, %(most)s) AS n",
        {"most": MOST_LANES},
    )
    await heard(before + MOST_LANES + 1)
    await wakeups.wait()
    assert len(wakeups.take_lanes()) == MOST_LANES
