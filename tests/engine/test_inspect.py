"""Looking: lists find their rows by index, counts are shared, and a cut connection bothers nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.domain.states import Status
from rowlock.engine import inspect, queue_board
from rowlock.engine.queue_board import QueueBoard, QueueRecord
from rowlock.store import counts, leases
from rowlock.store.counts import LiveCount
from rowlock.store.leases import FailedAttempt
from rowlock.store.links import Runner
from rowlock.store.listing import TaskFilter, page_sql

FILL = """
    INSERT INTO rowlock.tasks (id, name, status, expires_on, finished_at)
    SELECT rowlock.new_id(), 'a', CASE WHEN n % 1000 = 0 THEN 'dead' ELSE 'succeeded' END::rowlock.task_status,
           rowlock.today() + 5, rowlock.clock()
      FROM generate_series(1, 20000) AS n
"""
MANY_ATTEMPTS = """
    INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome,
                                    run_seconds, attempt, tenant_id, queue, name, traceback)
    SELECT %(task_id)s, now(), now(), token, rowlock.execution_day(), 1,
           CASE WHEN token > 1005 THEN 'failed' ELSE 'snoozed' END::rowlock.execution_outcome, 1, 1, 'default',
           'default', 'noop', CASE WHEN token > 1005 THEN repeat('x', 100) END
      FROM generate_series(1, 1007) AS token
"""


async def plan(
    here: Installation, statuses: set[Status], parameters: dict[str, Any], *, oldest_first: bool = False
) -> str:
    filters = frozenset(parameters.keys() & {"queue", "name"})
    sql = page_sql(frozenset(statuses), filters, "past" in parameters, oldest_first)
    rows = await here.query(f"EXPLAIN {sql}", {"tenant_id": TENANT, "limit": 50, **parameters})
    return "\n".join(row[0] for row in rows)


@pytest.mark.all_partitions
async def test_a_list_reads_the_partitions_of_its_statuses_in_order(here: Installation) -> None:
    await here.query(FILL)
    await here.query("ANALYZE rowlock.tasks")
    filled = (await here.query("SELECT 'tasks_' || to_char(rowlock.today() + 5, 'YYYYMMDD')"))[0][0]

    dead = await plan(here, {Status.DEAD}, {})
    assert "tasks_live" not in dead
    assert f"using {filled}_dead" in dead  # the index of dead letters
    for live in ({Status.READY}, {Status.SCHEDULED, Status.RUNNING}):
        assert filled not in await plan(here, live, {})
    everything = await plan(here, set(), {})
    assert f"Index Scan Backward using {filled}_pkey" in everything


async def test_the_oldest_of_a_backlog_are_read_from_its_end(here: Installation) -> None:
    await here.query("INSERT INTO rowlock.tasks (id, name) SELECT rowlock.new_id(), 'a' FROM generate_series(1, 5000)")
    await here.query("ANALYZE rowlock.tasks")

    for parameters in ({}, {"queue": "default", "past": await here.enqueue()}):
        oldest = await plan(here, {Status.READY}, parameters, oldest_first=True)
        assert "Index Scan using tasks_live_pkey" in oldest
        assert "Sort" not in oldest


@pytest.mark.all_partitions
async def test_a_list_finds_rare_rows_among_many(here: Installation) -> None:
    await here.query(FILL)

    found = await inspect.list_dead_letters(here.database, TENANT, limit=100)
    assert len(found) == 20
    ids = [one.task.id for one in found]
    assert ids == sorted(ids, reverse=True)
    rest = await inspect.list_dead_letters(here.database, TENANT, before=ids[4], limit=100)
    assert [one.task.id for one in rest] == ids[5:]


async def test_a_listed_task_is_the_task(here: Installation) -> None:
    task_id = await here.enqueue("a", tags=["x"], metadata={"m": 1}, unique_key="k", flow_key="f", timeout=5)

    (listed,) = await inspect.list_tasks(here.database, TENANT, TaskFilter(tag="x"))

    assert listed.task == await inspect.get_task(here.database, TENANT, task_id)
    assert listed.omitted == ()


async def test_of_many_attempts_the_latest_are_shown(here: Installation) -> None:
    """A task that has snoozed for long and then fails is asked for its failure."""
    task_id = await here.enqueue()
    await here.query(MANY_ATTEMPTS, {"task_id": task_id})

    shown = await inspect.get_executions(here.database, TENANT, task_id)
    assert [attempt.lease_token for attempt in shown] == list(range(8, 1_008))
    assert [attempt.outcome for attempt in shown[-3:]] == ["snoozed", "failed", "failed"]

    async def latest(limit: int, max_bytes: int) -> tuple[list[int], int]:
        page = await inspect.latest_executions(here.database, TENANT, task_id, limit=limit, max_bytes=max_bytes)
        return [attempt.lease_token for attempt in page.latest], page.earlier

    assert await latest(3, 1_000) == ([1_005, 1_006, 1_007], 1_004)
    assert await latest(3, 150) == ([1_006, 1_007], 1_005)  # the second of them reaches it
    assert await latest(3, 10) == ([1_007], 1_006)
    assert await latest(2_000, 1_000_000) == (list(range(1, 1_008)), 0)


async def test_a_dead_letter_shows_as_many(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "MAX_EXECUTION_BYTES", 150)
    task_id = await here.enqueue()
    await here.query(MANY_ATTEMPTS, {"task_id": task_id})
    [task] = await here.claim()
    await leases.bury(here.database, [FailedAttempt(task_id, task.lease_token, "failed", "error", "boom")])

    letter = await inspect.get_dead_letter(here.database, TENANT, task_id)
    assert [attempt.lease_token for attempt in letter.attempts] == [1_006, 1_007]
    assert (letter.earlier, letter.traceback) == (1_006, "x" * 100)


async def test_a_connection_that_was_cut_while_idle_bothers_no_reader(here: Installation) -> None:
    task_id = await here.enqueue()
    async with here.database.link() as link:
        own = (await link.query("SELECT pg_backend_pid()"))[0][0]
    other = await here.database.own_link("killer")
    try:
        for read in (
            lambda: inspect.get_task(here.database, TENANT, task_id),
            lambda: inspect.list_tasks(here.database, TENANT, TaskFilter()),
            lambda: QueueBoard(here.database).queues(TENANT),
        ):
            await other.query(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"  # waits until it has ended
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert await read()
    finally:
        await other.close()
    assert own


async def test_a_small_backlog_is_counted_anew_and_a_large_one_is_kept(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = QueueBoard(here.database)
    await here.enqueue()
    assert (await board.queue(TENANT, "default")).depth["ready"] == 1
    await here.enqueue()
    assert (await board.queue(TENANT, "default")).depth["ready"] == 2

    monkeypatch.setattr(queue_board, "CHEAP_TASKS", 0)
    monkeypatch.setattr(queue_board, "CHEAP_SECONDS", 0.0)
    monkeypatch.setattr(queue_board, "KEPT_FACTOR", 1_000_000)
    assert (await board.queue(TENANT, "default")).depth["ready"] == 2
    await here.enqueue()
    assert (await board.queue(TENANT, "default")).depth["ready"] == 2


@pytest.mark.all_partitions
async def test_a_count_of_many_dead_letters_is_kept(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_board, "CHEAP_TASKS", 19)
    monkeypatch.setattr(queue_board, "CHEAP_SECONDS", 0.0)
    monkeypatch.setattr(queue_board, "KEPT_FACTOR", 1_000_000)
    board = QueueBoard(here.database)
    await here.query(FILL)
    assert (await board.queue(TENANT, "default")).dead_letters == 20
    await here.query(FILL)
    assert (await board.queue(TENANT, "default")).dead_letters == 20


async def test_those_who_ask_at_once_share_a_count(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, count_live = 0, counts.count_live

    async def counting(runner: Runner) -> list[LiveCount]:
        nonlocal counted
        counted += 1
        found = await count_live(runner)
        if counted == 1:
            await here.enqueue()  # whoever asks from here on must see it
            late.append(asyncio.create_task(board.queue(TENANT, "default")))
        return found

    late: list[asyncio.Task[QueueRecord]] = []
    monkeypatch.setattr(counts, "count_live", counting)
    board = QueueBoard(here.database)
    await here.enqueue()
    await asyncio.gather(*(board.queue(TENANT, "default") for _ in range(8)))
    assert (await late[0]).depth["ready"] == 2
    assert counted == 2


async def test_snapshots_tell_each_queue_of_each_tenant(here: Installation) -> None:
    await here.enqueue(queue="q", priority="critical")
    await here.enqueue(queue="q", delay=3600)
    await here.enqueue(tenant="other", queue="q")
    await here.query("SELECT rowlock.pause_queue('q', 'other')")
    await here.move_clock(timedelta(seconds=90))

    mine, theirs = await QueueBoard(here.database).snapshots()

    assert (mine.queue, mine.depth["ready"], mine.depth["scheduled"], mine.paused) == ("q", 1, 1, False)
    assert (theirs.depth["ready"], theirs.depth["paused"], theirs.paused) == (0, 1, True)
    assert 90 <= mine.oldest_ready_seconds < 120
    assert mine.lag_seconds == mine.oldest_ready_seconds
    assert {one.tenant_id for one in await counts.count_live(here.database)} == {TENANT, "other"}


async def test_what_a_dead_fleet_held_waits_since_its_leases_ended(here: Installation) -> None:
    await here.enqueue()
    await here.claim(lease_seconds=30)
    await here.move_clock(timedelta(seconds=20))
    [held] = await QueueBoard(here.database).snapshots()
    assert (held.depth["running"], held.oldest_ready_seconds, held.lag_seconds) == (1, 0.0, None)
    await here.move_clock(timedelta(seconds=20 + 90))
    [lost] = await QueueBoard(here.database).snapshots()
    assert (lost.depth["ready"], lost.depth["orphaned"]) == (0, 1)
    assert 75 <= lost.oldest_ready_seconds < 100
    await here.enqueue()  # beside one that has just come, the one that has waited longer counts
    [both] = await QueueBoard(here.database).snapshots()
    assert (both.depth["ready"], both.depth["orphaned"]) == (1, 1)
    assert both.oldest_ready_seconds >= lost.oldest_ready_seconds
    await here.query("SELECT rowlock.pause_queue('default', '*')")
    [paused] = await QueueBoard(here.database).snapshots()
    assert (paused.depth["ready"], paused.depth["orphaned"], paused.depth["paused"]) == (0, 0, 2)


async def test_what_no_worker_could_run_is_counted_until_it_waits_like_any_other(here: Installation) -> None:
    """Of the minute in which it is looked at again, too: a single one would else be counted and not, by turns."""

    async def without_handler() -> int:
        [queue] = await QueueBoard(here.database).snapshots()
        return queue.without_handler

    for reason in ("no_handler", "unknown_version", "released"):
        await here.enqueue()
        await here.put_off(reason, seconds=60)
    await here.enqueue()
    assert await without_handler() == 2
    await here.query("SELECT rowlock.pause_queue('default', '*')")
    assert await without_handler() == 0, "what waits under a pause, nobody can take"
    await here.query("SELECT rowlock.resume_queue('default', '*')")
    await here.move_clock(timedelta(seconds=90))
    assert await without_handler() == 2
    await here.move_clock(timedelta(seconds=150))
    assert await without_handler() == 0


async def test_the_view_knows_since_when_what_a_dead_fleet_held_waits(here: Installation) -> None:
    """An attempt whose lease moved `visible_at`, as those of last attempts do, and one whose lease did not."""
    oldest = "SELECT queue, round(lag_seconds) FROM rowlock.oldest_ready ORDER BY queue"
    await here.enqueue(queue="last", max_attempts=1)
    await here.enqueue(queue="first")
    await here.enqueue(queue="later", delay=3600)
    for queue in ("last", "first"):
        await here.claim(queue=queue, lease_seconds=30)
    assert await here.query(oldest) == []
    await here.move_clock(timedelta(seconds=20 + 90))
    rows = await here.query(oldest)
    assert [queue for queue, _ in rows] == ["first", "last"]
    assert all(75 <= lag < 100 for _, lag in rows)
    await here.query("UPDATE rowlock.tasks_live SET status = 'blocked' WHERE queue = 'last'")
    assert [queue for queue, _ in await here.query(oldest)] == ["first"]


async def test_the_view_finds_the_oldest_among_many_that_are_not_due(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.tasks_live (id, name, visible_at) SELECT gen_random_uuid(), 'noop', "
        "rowlock.clock() + make_interval(secs => n - 10) FROM generate_series(1, 20000) AS n"
    )
    await here.query("ANALYZE rowlock.tasks_live")
    plan = "\n".join(line for (line,) in await here.query("EXPLAIN SELECT * FROM rowlock.oldest_ready"))
    assert "tasks_live_claim" in plan
    assert "Seq Scan" not in plan
