"""What vanished workers held comes back: at once where their heartbeats ceased, to the dead letters where spent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.harness.installation import Installation

from rowlock.engine import rescue
from rowlock.engine.rescue import RescueReport, rescue_abandoned
from rowlock.store import leases
from rowlock.store.leases import FailedAttempt


async def worker(here: Installation, *, expires_seconds: float = 15) -> int:
    number, _ = await here.register_worker(expires_seconds=expires_seconds)
    return number


async def test_nothing_is_taken_from_a_worker_that_lives(here: Installation) -> None:
    await here.enqueue()
    await here.claim(worker=await worker(here))
    assert await rescue_abandoned(here.database) == RescueReport()


async def test_a_silent_worker_gives_back_what_it_held_before_its_leases_end(here: Installation) -> None:
    """But for what it has just claimed: those leases, which nobody renewed, end about now by themselves."""
    held = [await here.enqueue() for _ in range(3)]
    taken = await here.claim(worker=(gone := await worker(here)), lease_seconds=3_600)
    tokens = [task.lease_token for task in taken]
    await leases.renew(here.database, [task.id for task in taken], tokens, lease_seconds=3_600)
    new = await here.enqueue()
    await here.claim(worker=gone, lease_seconds=3_600)
    other = await here.enqueue()
    await here.claim(worker=await worker(here, expires_seconds=3_600), lease_seconds=3_600)
    await here.move_clock(timedelta(seconds=16))
    assert await rescue_abandoned(here.database) == RescueReport(buried=0, workers_gone=1, given_back=3)
    assert sorted(task.id for task in await here.claim()) == held
    assert [(await here.task(task)).status for task in (new, other)] == ["running", "running"]
    assert await rescue_abandoned(here.database) == RescueReport()


async def test_a_last_attempt_that_vanished_goes_to_the_dead_letters(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "TASKS_PER_ROUND", 2)
    spent = [await here.enqueue(max_attempts=1) for _ in range(5)]
    left = await here.enqueue(max_attempts=2)
    await here.claim()
    await here.move_clock(timedelta(seconds=31))
    assert await rescue_abandoned(here.database) == RescueReport(buried=5)
    for task_id in spent:
        task = await here.task(task_id)
        assert (task.status, task.reason) == ("dead", "lease_expired")
        assert await here.outcomes(task_id) == ["lease_expired"]
    assert [task.id for task in await here.claim()] == [left]


async def test_a_last_attempt_that_did_not_run_alone_comes_back_to_run_alone(here: Installation) -> None:
    """Whatever ran beside it may have taken the worker down; only what ran alone is to blame."""
    task_id = await here.enqueue(max_attempts=2)
    await here.claim(lease_seconds=0)
    (last,) = await here.claim(lease_seconds=0)
    assert (last.attempt, last.must_run_alone) == (2, True)
    assert await rescue_abandoned(here.database) == RescueReport(spared=1)
    assert (await here.task(task_id)).attempt == 1
    (again,) = await here.claim(lease_seconds=0)
    assert (again.attempt, again.must_run_alone) == (2, True)
    assert not await leases.begin_alone(here.database, task_id, last.lease_token), "the lease of before is lost"
    assert await leases.begin_alone(here.database, task_id, again.lease_token)
    assert await rescue_abandoned(here.database) == RescueReport(buried=1)
    task = await here.task(task_id)
    assert (task.status, task.reason) == ("dead", "lease_expired")
    assert await here.outcomes(task_id) == ["lease_expired"] * 3


async def test_a_last_attempt_is_not_suspected_for_its_own_failures(here: Installation) -> None:
    """It failed by itself, so it runs beside others; if its worker vanishes then, it comes back to run alone."""
    await here.enqueue(max_attempts=2)
    (first,) = await here.claim()
    failed = FailedAttempt(first.id, first.lease_token, "failed", "error", "no")
    await leases.retry(here.database, [failed], worker_id=1)
    (last,) = await here.claim(lease_seconds=0)
    assert (last.attempt, last.must_run_alone) == (2, False)
    assert await rescue_abandoned(here.database) == RescueReport(spared=1)
    (again,) = await here.claim()
    assert (again.attempt, again.must_run_alone) == (2, True)


async def test_a_spent_task_of_a_gone_worker_is_buried_in_the_same_round(here: Installation) -> None:
    task_id = await here.enqueue(max_attempts=1)
    await here.claim(worker=await worker(here), lease_seconds=3_600)
    await here.move_clock(timedelta(seconds=16))
    assert await rescue_abandoned(here.database) == RescueReport(buried=1, workers_gone=1, given_back=1)
    assert (await here.task(task_id)).status == "dead"
