"""Every ordered pair of what can be said of a running task, on two connections, the first holding its transaction open.

Whatever the order: no deadlock, one row for the task, each attempt ended at most once, and the loser is told the truth.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation, installation

from rowlock.domain.errors import Conflict, LeaseLost, NotFound
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.domain.states import TERMINAL
from rowlock.domain.steps import StepName
from rowlock.store import leases, steps
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.links import Link
from rowlock.store.steps import FinishedStep

PATIENCE = timedelta(seconds=10)


def said(task: ClaimedTask, outcome: str) -> FailedAttempt:
    return FailedAttempt(task.id, task.lease_token, outcome, "error", "no", None, 0)


async def complete(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.complete(link, [task.id], [task.lease_token]))


async def complete_with_result(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.complete_with_results(link, [task.id], [task.lease_token], ["1"], [1]))


async def retry(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.retry(link, [said(task, "failed")], worker_id=1))


async def snooze(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.snooze(link, [said(task, "snoozed")], worker_id=1))


async def bury(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.bury(link, [said(task, "failed")]))


async def release(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.release(link, [task.id], [task.lease_token]))


async def renew(link: Link, task: ClaimedTask) -> bool:
    return bool((await leases.renew(link, [task.id], [task.lease_token], lease_seconds=30)).renewed)


async def take_over(link: Link, task: ClaimedTask) -> bool:
    """Another worker claims; the lease has run out."""
    plan = LanePlan(Lane("default", 2, TENANT), None, 10)
    return bool(await leases.claim(link, [plan], room=10, worker_id=2, lease_seconds=30))


async def cancel(link: Link, task: ClaimedTask) -> bool:
    try:
        rows = await link.query("SELECT rowlock.cancel(%(id)s)", {"id": task.id})
    except (Conflict, NotFound):
        return False
    return rows[0][0] == "cancelled"


async def step(link: Link, task: ClaimedTask) -> bool:
    """The handler keeps what a step returned; with a lost lease nothing must be there."""
    done = FinishedStep(StepName("one"), "1", 0)
    try:
        return bool(await steps.record_step(link, TENANT, task.id, task.lease_token, done))
    except LeaseLost:
        assert not await link.query("SELECT name FROM rowlock.steps WHERE lease_token = %(t)s", {"t": task.lease_token})
        return False


async def rescue(link: Link, task: ClaimedTask) -> bool:
    """The leader takes back what is out of attempts and of its lease: buries it, or spares it where there were more."""
    return bool(await link.run("rescue_exhausted", {"limit": 10}))


async def expire(link: Link, task: ClaimedTask) -> bool:
    """The leader ends what is overdue and held by nobody."""
    return bool(await link.run("expire_tasks", {"limit": 10}))


async def acknowledge(link: Link, task: ClaimedTask) -> bool:
    return bool(await leases.acknowledge_cancel(link, [said(task, "cancelled")]))


async def begin_alone(link: Link, task: ClaimedTask) -> bool:
    return await leases.begin_alone(link, task.id, task.lease_token)


async def progress(link: Link, task: ClaimedTask) -> bool:
    try:
        await leases.report_progress(link, task.id, task.lease_token, "{}")
    except LeaseLost:
        return False
    return True


OPERATIONS: dict[str, Callable[[Link, ClaimedTask], Awaitable[bool]]] = {
    f.__name__: f
    for f in (
        complete,
        complete_with_result,
        retry,
        snooze,
        bury,
        acknowledge,
        release,
        renew,
        begin_alone,
        progress,
        step,
        take_over,
        cancel,
        rescue,
        expire,
    )
}
ENDS_THE_ATTEMPT = OPERATIONS.keys() - {"renew", "begin_alone", "progress", "step"}
BY_OTHERS = {"take_over", "cancel", "rescue", "expire"}


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


@pytest.mark.parametrize("first", OPERATIONS)
async def test_pairs(here: Installation, first: str) -> None:
    """One database for all the seconds of a first: each pair has a task of its own, in a lane of nobody else."""
    one, two = await here.database.own_link("one"), await here.database.own_link("two")
    try:
        for second, expired in itertools.product(OPERATIONS, (False, True)):
            if expired and "step" in (first, second) and not {first, second} & {"take_over", "rescue"}:
                continue  # a step asks for the token alone: only who takes the task away minds the time
            await race(here, (one, two), (first, second), expired=expired)
            if expired and "rescue" in (first, second):
                await race(here, (one, two), (first, second), expired=expired, spared=True)
    finally:
        await one.close()
        await two.close()


async def race(
    here: Installation, links: tuple[Link, Link], words: tuple[str, str], *, expired: bool, spared: bool = False
) -> None:
    await here.query("DELETE FROM rowlock.tasks")  # truncating every partition takes ten times as long
    await here.query("DELETE FROM rowlock.executions")
    await here.enqueue(max_attempts=1 if "rescue" in words else 3)
    (task,) = await here.claim(lease_seconds=0 if expired else 30)
    if spared:
        await here.query("UPDATE rowlock.tasks_live SET max_attempts = 2, attempt = 2")
        task.max_attempts = task.attempt = 2
    if "expire" in words:
        await here.query("UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock()")
    what = f"{words[0]} then {words[1]}, lease {'expired' if expired else 'held'}"
    async with asyncio.timeout(PATIENCE.total_seconds()):
        async with links[0].transaction():
            won_first = await OPERATIONS[words[0]](links[0], task)
            other = asyncio.create_task(OPERATIONS[words[1]](links[1], task))
            # The second has ended, or waits for a lock that the first holds.
            while not other.done() and not await waits_for_lock(here, links[1]):  # noqa: ASYNC110
                await asyncio.sleep(0)
        won_second = await other
    won = [word for word, ok in zip(words, (won_first, won_second), strict=True) if ok and word in ENDS_THE_ATTEMPT]
    await check(here, task, won, what)


async def waits_for_lock(here: Installation, link: Link) -> bool:
    rows = await here.query(
        "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %(pid)s",
        {"pid": link.connection.info.backend_pid},
    )
    return bool(rows[0][0])


async def check(here: Installation, task: ClaimedTask, won: list[str], what: str) -> None:
    rows = await here.query(
        "SELECT id, status::text, attempt, lease_token, expires_on < '9999-12-31' FROM rowlock.tasks"
    )
    assert len(rows) == 1, f"{what}: {rows}"
    task_id, status, attempt, token, filed = rows[0]
    assert task_id == UUID(str(task.id))
    assert filed == (status in TERMINAL), what
    assert (status == "running") == (token is not None and not filed), what
    assert 0 <= attempt <= task.max_attempts, what
    ended = [row[0] for row in await here.query("SELECT lease_token FROM rowlock.executions")]
    assert len(ended) == len(set(ended)), f"{what}: an attempt ended twice"
    # Of those who say how this attempt ended, one is believed; what came after it acted on the task it left behind.
    of_this_lease = [word for word in won if word not in BY_OTHERS]
    assert len(of_this_lease) <= 1, f"{what}: both were believed"
    assert won or token == task.lease_token, what
