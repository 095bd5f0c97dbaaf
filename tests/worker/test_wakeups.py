"""What workers are woken with: that there is work, and in which lane where it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.harness.eventually import eventually
from tests.harness.figures import figure
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import OPERATOR, make_schedule

from rowlock.domain.lanes import Lane
from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue_many
from rowlock.engine.operate import cancel_task
from rowlock.engine.rescue import rescue_abandoned
from rowlock.store import leases
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
    assert made.take_lanes() == {}
    yield made
    listening.cancel()


async def heard(number: float) -> None:
    await eventually(lambda: figure("notifications_total") == number)


async def test_one_task_is_told_with_its_lane(here: Installation, wakeups: Wakeups) -> None:
    await here.enqueue(tenant="acme", queue="mail", priority="high", flow_key="a b")
    await wakeups.wait()
    assert wakeups.take_lanes().keys() == {Lane("mail", 1, "acme/a b")}
    assert wakeups.take_lanes() == {}


async def test_a_batch_of_one_lane_is_told_with_it(here: Installation, wakeups: Wakeups) -> None:
    await enqueue_many(here.database, "acme", [task_request("noop") for _ in range(3)])
    await wakeups.wait()
    assert wakeups.take_lanes().keys() == {Lane("default", 2, "acme")}


@pytest.mark.parametrize("lanes", [2, 8, 9])
async def test_a_batch_of_a_few_lanes_is_told_with_each_of_many_only_wakes(
    here: Installation, wakeups: Wakeups, lanes: int
) -> None:
    requests = [task_request("noop", flow_key=f"{number}", delay=delay) for number in range(lanes) for delay in (0, 5)]
    await enqueue_many(here.database, "acme", requests)
    await wakeups.wait()
    told = [Lane("default", 2, f"acme/{number}") for number in range(lanes)] if lanes <= 8 else []
    assert wakeups.take_lanes().keys() == {*told}


@pytest.mark.parametrize("keys", [{}, {"unique_key": "u"}], ids=["plain", "keyed"])
async def test_sql_tells_lanes_as_well(here: Installation, wakeups: Wakeups, keys: dict[str, str]) -> None:
    task = {"name": "noop", "queue": "mail", "flow_key": "x", **keys}
    await here.query("SELECT * FROM rowlock.enqueue_many(%(tasks)s::jsonb, 'acme')", {"tasks": json.dumps([task])})
    await wakeups.wait()
    assert wakeups.take_lanes().keys() == {Lane("mail", 2, "acme/x")}
    for lanes in (2, 9):
        tasks = [
            {"name": "noop", "queue": "mail", "flow_key": f"{number}", **dict.fromkeys(keys, f"{lanes} {number}")}
            for number in range(lanes)
        ]
        await here.query("SELECT * FROM rowlock.enqueue_many(%(tasks)s::jsonb, 'acme')", {"tasks": json.dumps(tasks)})
        await wakeups.wait()
        told = wakeups.take_lanes().keys()
        assert told <= {Lane("mail", 2, f"acme/{number}") for number in range(lanes)}
        assert len(told) == lanes if lanes == 2 else len(told) < lanes


async def redriven(here: Installation) -> None:
    task_id = await here.enqueue(delay=3_600)
    await cancel_task(here.database, TENANT, task_id, actor=OPERATOR)
    await here.query("SELECT rowlock.redrive(%(id)s)", {"id": task_id})


async def triggered(here: Installation) -> None:
    await make_schedule(here)
    await here.query("SELECT rowlock.trigger_schedule('report')")


WAYS: dict[str, Callable[[Installation], Awaitable[object]]] = {
    "one": lambda here: here.enqueue(),
    "many alike": lambda here: enqueue_many(here.database, "default", [task_request("noop") for _ in range(2)]),
    "many": lambda here: enqueue_many(
        here.database, "default", [task_request("noop"), task_request("noop", delay=0.5), task_request("two")]
    ),
    "sql": lambda here: here.query("SELECT rowlock.enqueue('noop')"),
    "a key": lambda here: here.query("SELECT rowlock.enqueue('noop', idempotency_key => 'k')"),
    "redriven": redriven,
    "triggered": triggered,
}


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_told_since_when_work_is_visible(here: Installation, wakeups: Wakeups, way: str) -> None:
    """Which is before it is committed, and may be long before."""
    await WAYS[way](here)
    told: dict[Lane, datetime | None] = {}

    async def all_told() -> bool:
        told.update(wakeups.take_lanes())
        return len(told) == 1

    await eventually(all_told)
    rows = await here.query("SELECT min(visible_at), lane FROM rowlock.tasks_live GROUP BY lane")
    assert told == {Lane("default", 2, lane): visible_at for visible_at, lane in rows}


async def test_what_a_vanished_worker_held_wakes_the_others(here: Installation, wakeups: Wakeups) -> None:
    gone, _ = await here.register_worker(expires_seconds=15)
    await here.enqueue(delay=3_600)
    await here.move_clock(timedelta(hours=2))
    (task,) = await here.claim(worker=gone, lease_seconds=3_600)
    await leases.renew(here.database, [task.id], [task.lease_token], lease_seconds=3_600)
    before = figure("notifications_total")
    await here.move_clock(timedelta(hours=2, seconds=16))
    assert (await rescue_abandoned(here.database)).given_back == 1
    await heard(before + 1)


async def test_what_falls_due_within_a_second_is_told_as_well(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    await here.enqueue(tenant="one", delay=0.9)
    await enqueue_many(here.database, "many", [task_request("noop", delay=0.9) for _ in range(2)])
    await here.query("SELECT rowlock.enqueue('noop', tenant_id => 'sql', run_at => rowlock.clock() + interval '0.9 s')")
    await here.query("SELECT rowlock.enqueue('noop', tenant_id => 'no', run_at => rowlock.clock() + interval '1 hour')")
    await heard(before + 3)
    assert wakeups.take_lanes().keys() == {Lane("default", 2, tenant) for tenant in ("one", "many", "sql")}


async def test_lanes_are_gathered_while_nobody_waits(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    for tenant in ("a", "b", "a"):
        await here.enqueue(tenant=tenant)
    await here.enqueue(queue="others")
    await here.query("SELECT pg_notify(rowlock.wake_channel(), 'cancel:x')")
    await heard(before + 5)
    await wakeups.wait()
    assert wakeups.take_lanes().keys() == {Lane("default", 2, "a"), Lane("default", 2, "b")}


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
    "payload", ["default", "default ", "default 4 a", "default ² a", "default 99999 a", "default 2", "default 4@1 a"]
)
async def test_what_names_no_lane_only_wakes(here: Installation, wakeups: Wakeups, payload: str) -> None:
    await here.query("SELECT pg_notify(rowlock.wake_channel(), %(payload)s)", {"payload": payload})
    await wakeups.wait()
    assert wakeups.take_lanes() == {}


@pytest.mark.parametrize("since", ["", "x", "²", "-1", "1.5", "9" * 19, "9" * 5_000], ids=lambda since: since[:3])
async def test_an_instant_that_is_none_is_left_out(here: Installation, wakeups: Wakeups, since: str) -> None:
    payload = f"default 2@{since} a"
    await here.query("SELECT pg_notify(rowlock.wake_channel(), %(payload)s)", {"payload": payload})
    await wakeups.wait()
    assert wakeups.take_lanes() == {Lane("default", 2, "a"): None}


async def test_of_several_instants_the_earliest_counts(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    for told in ("2", "2@1767225600000002", "2@1767225600000001", "2@1767225600000003", "2"):
        await here.query(
            "SELECT pg_notify(rowlock.wake_channel(), 'default ' || %(told)s::text || ' a')", {"told": told}
        )
    await heard(before + 5)
    assert wakeups.take_lanes() == {Lane("default", 2, "a"): datetime(2026, 1, 1, 0, 0, 0, 1, UTC)}


async def test_of_too_many_lanes_some_are_left_to_scans(here: Installation, wakeups: Wakeups) -> None:
    before = figure("notifications_total")
    await here.query(
        "SELECT pg_notify(rowlock.wake_channel(), 'default 2 t' || n) FROM generate_series(0, %(most)s) AS n",
        {"most": MOST_LANES},
    )
    await heard(before + MOST_LANES + 1)
    await wakeups.wait()
    assert len(wakeups.take_lanes()) == MOST_LANES
