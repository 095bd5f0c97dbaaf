"""What workers are woken with: the lane where that is all that came, and else only that there is something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.lanes import Lane
from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue_many
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.wakeups import MOST_LANES, Wakeups

ANYWHERE: set[Lane] = set()


@pytest.fixture
async def wakeups(here: Installation) -> AsyncIterator[Wakeups]:
    """Those of a worker of two queues, which listens and has not heard of anything."""
    made = Wakeups(here.database, ["default", "mail"], poll_seconds=20, on_cancel=lambda _: None)
    listening = asyncio.create_task(made.run())
    await eventually(lambda: made.listening)
    assert await made.wait() == ANYWHERE  # for something may have come before it listened
    yield made
    listening.cancel()


def notifications() -> float:
    """How many this process has received so far."""
    return process_metrics().registry.get_sample_value("rowlock_notifications_total") or 0


async def heard(number: float) -> None:
    await eventually(lambda: notifications() == number)


async def test_one_task_is_told_with_its_lane(here: Installation, wakeups: Wakeups) -> None:
    await here.enqueue(tenant="acme", queue="mail", priority="high", flow_key="a b")
    assert await wakeups.wait() == {Lane("mail", 1, "acme/a b")}


async def test_a_batch_of_one_lane_is_told_with_it(here: Installation, wakeups: Wakeups) -> None:
    await enqueue_many(here.database, "acme", [task_request("noop") for _ in range(3)])
    assert await wakeups.wait() == {Lane("default", 2, "acme")}


async def test_a_batch_of_several_is_not(here: Installation, wakeups: Wakeups) -> None:
    await enqueue_many(here.database, "acme", [task_request("noop"), task_request("noop", priority="low")])
    assert await wakeups.wait() == ANYWHERE


async def test_lanes_are_gathered_while_nobody_waits(here: Installation, wakeups: Wakeups) -> None:
    before = notifications()
    for tenant in ("a", "b", "a"):
        await here.enqueue(tenant=tenant)
    await here.enqueue(queue="others")
    await here.query("SELECT pg_notify(rowlock.wake_channel(), 'cancel:x')")
    await heard(before + 5)
    assert await wakeups.wait() == {Lane("default", 2, "a"), Lane("default", 2, "b")}


async def test_what_is_vague_outweighs_what_is_not(here: Installation, wakeups: Wakeups) -> None:
    before = notifications()
    await here.enqueue()
    await here.query("SELECT pg_notify(rowlock.wake_channel(), 'mail')")
    await heard(before + 2)
    assert await wakeups.wait() == ANYWHERE


async def test_too_many_lanes_are_vague(here: Installation, wakeups: Wakeups) -> None:
    before = notifications()
    await here.query(
        "SELECT pg_notify(rowlock.wake_channel(), 'default 2 t' || n) FROM generate_series(0, %(most)s) AS n",
        {"most": MOST_LANES},
    )
    await heard(before + MOST_LANES + 1)
    assert await wakeups.wait() == ANYWHERE
