"""Child processes for handlers: replaced when they die, given up for a while when none starts, ended by timeouts."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import time_machine
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children, loading
from tests.worker.conftest import working

from rowlock import RetryPolicy, Rowlock
from rowlock.testing import advance_clock
from rowlock.worker import processes
from rowlock.worker.attempt import Stop

SOON = timedelta(seconds=20)
HOUR = timedelta(hours=1)


async def written(note: Path) -> int:
    """The process id that a handler wrote down."""
    return int(await eventually(lambda: note.exists() and note.read_text()))


async def gone(pid: int) -> None:
    await eventually(lambda: not psutil.pid_exists(pid))


def started() -> list[int]:
    """The child processes for handlers that there are."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


# -- children that die


@pytest.mark.parametrize("size", [1, 2])
async def test_a_child_killed_while_idle_is_replaced_and_no_attempt_is_spent(app: Rowlock, size: int) -> None:
    app.declare(children.pid, name="pid", executor="process", max_attempts=1)
    async with working(app, child_processes=size) as worker:
        for _ in range(3):
            pid = await (await app.enqueue("pid")).result(SOON)
            os.kill(pid, signal.SIGKILL)
            await gone(pid)
        assert await (await app.enqueue("pid")).result(SOON) != pid
        assert worker.health == ("healthy", None)


async def test_what_waits_for_a_child_that_dies_before_it_is_ready_begins_in_another(
    app: Rowlock, here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_load = tmp_path / "load"
    monkeypatch.setenv("ROWLOCK_TEST_LOADING_WAITS", str(may_load))
    app.declare(loading.answer, name="answer", executor="process", max_attempts=1)
    async with working(app, child_processes=1) as worker:
        handle = await app.enqueue("answer")
        [pid] = await eventually(started)
        os.kill(pid, signal.SIGKILL)
        may_load.touch()
        assert await handle.result(SOON) == 42
        assert await here.outcomes(handle.id) == ["succeeded"]
        assert worker.health == ("healthy", None)


@pytest.mark.parametrize("why", ["deadline", "cancelled", "given back"])
async def test_what_waits_for_a_child_until_its_attempt_is_over_never_begins(
    app: Rowlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Though its call lay ready for the child."""
    may_load = tmp_path / "load"
    monkeypatch.setenv("ROWLOCK_TEST_LOADING_WAITS", str(may_load))
    app.declare(loading.leave, name="leave", executor="process")
    app.declare(loading.answer, name="answer", executor="process")
    async with working(app, child_processes=1, cancel_grace_seconds=0.1) as worker:
        expires_in = timedelta(seconds=1) if why == "deadline" else None
        handle = await app.enqueue("leave", {"note": str(tmp_path / "note")}, expires_in=expires_in)
        await eventually(started)
        if why == "cancelled":
            await app.cancel(handle.id)
        if why == "given back":
            [attempt] = worker.held.attempts.values()
            attempt.request_stop(Stop.WORKER_STOPS)
            await eventually(lambda: attempt.task.lease_token not in worker.held.attempts)  # it may have another by now
            await app.cancel(handle.id)
        assert (await handle.wait(SOON)).status == ("dead" if why == "deadline" else "cancelled")
        later = await app.enqueue("answer")
        may_load.touch()
        assert await later.result(SOON) == 42
    assert not (tmp_path / "note").exists()


async def test_where_no_child_starts_attempts_are_given_back_and_the_worker_says_why(
    app: Rowlock, here: Installation, no_child: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one claim all, though no child is tried for each of them; and after that nothing is claimed."""
    monkeypatch.setattr(processes, "PAUSE_SECONDS", 0.2)
    app.declare(loading.answer, name="answer", executor="process", max_attempts=1)
    handles = [await app.enqueue("answer") for _ in range(3)]
    async with working(app, child_processes=3) as worker:
        for handle in handles:
            task = await eventually(lambda: given_back(handle))  # noqa: B023
            assert (task.attempt, task.reason) == (0, "released")
            assert "LookupError: there is no such licence" in str(task.error)
            assert worker.health == ("degraded", task.error)
        later = await app.enqueue("answer")
        before = tries(no_child)
        await eventually(lambda: tries(no_child) > before + 1)
        assert (await later.get()).status == "ready"
        assert worker.held.figures.claimed == 3
        monkeypatch.delenv("ROWLOCK_TEST_LOADING_FAILS")
        assert await later.result(SOON) == 42
        assert worker.health == ("healthy", None)
        await advance_clock(app, timedelta(minutes=1))
        assert [await handle.result(SOON) for handle in handles] == [42] * 3
    assert [await here.outcomes(handle.id) for handle in handles] == [["snoozed", "succeeded"]] * 3
    assert await here.outcomes(later.id) == ["succeeded"]


async def test_where_no_child_starts_other_queues_are_served(
    app: Rowlock, no_child: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PAUSE_SECONDS", 600.0)
    app.declare(loading.answer, name="answer", executor="process", queue="heavy")
    app.declare(children.pid, name="pid", executor="thread", queue="light")
    first = await app.enqueue("answer")
    async with working(app, child_processes=1) as worker:
        await eventually(lambda: given_back(first))
        later = await app.enqueue("answer", queue="heavy", priority="critical")
        assert [await (await app.enqueue("pid")).result(SOON) for _ in range(3)] == [os.getpid()] * 3
        assert await (await app.enqueue("pid", queue="default")).result(SOON) == os.getpid()
        assert (await later.get()).status == "ready"
        assert worker.held.figures.claimed == 5
        assert tries(no_child) == 2


@pytest.fixture
def no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """None starts. Each that tries adds a line to this file."""
    monkeypatch.setenv("ROWLOCK_TEST_LOADING_FAILS", str(tmp_path / "tried"))
    return tmp_path / "tried"


def tries(tried: Path) -> int:
    return len(tried.read_text().splitlines())


async def test_where_the_system_refuses_processes_what_ran_has_failed_and_what_had_not_begun_is_given_back(
    app: Rowlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.declare(children.linger, name="linger", executor="process", max_attempts=1)
    app.declare(children.pid, name="pid", executor="process", max_attempts=1)
    async with working(app, child_processes=2) as worker:
        lingering = await app.enqueue("linger", {"note": str(tmp_path / "pid")})
        pid = await written(tmp_path / "pid")
        with monkeypatch.context() as patch:
            patch.setattr("multiprocessing.util.spawnv_passfds", refuse)
            [idle] = set(started()) - {pid}
            os.kill(idle, signal.SIGKILL)
            task = await lingering.wait(SOON)
            assert (task.status, task.attempt) == ("dead", 1)
            assert "ended with its pool, which broke: BlockingIOError" in str(task.error)
            await gone(pid)
            handle = await app.enqueue("pid")
            task = await eventually(lambda: given_back(handle))
            assert (task.attempt, task.reason) == (0, "released")
            assert worker.health == ("degraded", task.error)
            assert "Resource temporarily unavailable" in str(task.error)


def refuse(*_: object) -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


# -- timeouts


async def test_a_timeout_ends_the_child(app: Rowlock, here: Installation, tmp_path: Path) -> None:
    app.declare(children.linger, name="linger", executor="process", timeout=0.2, max_attempts=1)
    async with working(app, child_processes=1):
        handle = await app.enqueue("linger", {"note": str(tmp_path / "pid")})
        pid = await written(tmp_path / "pid")
        await handle.wait(SOON)
        await gone(pid)
    assert await here.outcomes(handle.id) == ["timed_out"]


async def test_a_timeout_does_not_count_while_the_function_waits_for_a_child(app: Rowlock, tmp_path: Path) -> None:
    """The one that there is takes three seconds to end, for it does not heed its signal."""
    app.declare(children.refuse_to_end, name="refuses", executor="process", timeout=0.2, max_attempts=1)
    app.declare(children.pid, name="pid", executor="process", timeout=2, max_attempts=1)
    async with working(app, child_processes=1):
        refuses = await app.enqueue("refuses", {"note": str(tmp_path / "pid")})
        pid = await written(tmp_path / "pid")
        await refuses.wait(SOON)
        assert await (await app.enqueue("pid")).result(SOON) != pid


async def test_a_host_clock_set_forward_times_nothing_out(app: Rowlock, tmp_path: Path) -> None:
    app.declare(children.go_on, name="goes_on", executor="process", timeout=60, max_attempts=1)
    note, go = tmp_path / "pid", tmp_path / "go"
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        async with working(app, child_processes=1):
            handle = await app.enqueue("goes_on", {"note": str(note), "go": str(go), "seconds": 0.5})
            await written(note)
            clock.shift(HOUR)
            go.touch()
            assert await handle.result(SOON) == "done"


async def test_a_host_clock_set_back_suspends_no_timeout(app: Rowlock, here: Installation, tmp_path: Path) -> None:
    app.declare(children.linger, name="linger", executor="process", timeout=1, max_attempts=1)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        async with working(app, child_processes=1):
            handle = await app.enqueue("linger", {"note": str(tmp_path / "pid")})
            await written(tmp_path / "pid")
            clock.shift(-HOUR)
            await handle.wait(SOON)
    assert await here.outcomes(handle.id) == ["timed_out"]


# -- what functions raise and return


@pytest.mark.parametrize(
    ("how", "error", "line"),
    [
        ("timeout", "TimeoutError: the bank did not answer", 'raise TimeoutError("the bank did not answer")'),
        ("stop", "RuntimeError: coroutine raised StopIteration", "return next(iter(()))"),
        ("refused", "RuntimeError: tests.worker.children.Refused: no entry (3)", 'raise Refused(3, "no entry")'),
        ("broken", "concurrent.futures.process.BrokenProcessPool: my own pool broke", "raise BrokenProcessPool("),
        ("local", "AttributeError: Can't pickle local object", ""),
    ],
)
async def test_what_is_raised_in_a_child_fails_its_own_attempt_with_its_traceback(
    app: Rowlock, here: Installation, how: str, error: str, line: str
) -> None:
    app.declare(children.fail, name="fails", executor="process", max_attempts=1, timeout=20)
    app.declare(children.pid, name="pid", executor="process", max_attempts=1)
    async with working(app, child_processes=1):
        pid = await (await app.enqueue("pid")).result(SOON)
        handle = await app.enqueue("fails", {"how": how})
        task = await handle.wait(SOON)
        assert (task.status, task.reason) == ("dead", "attempts_exhausted")
        assert await (await app.enqueue("pid")).result(SOON) == pid
    assert str(task.error).startswith(error)
    [(outcome, traceback)] = await here.query(
        "SELECT outcome::text, traceback FROM rowlock.executions WHERE name = 'fails'"
    )
    assert outcome == "failed"
    assert line in traceback


async def test_a_timeout_error_of_the_function_s_own_is_given_up_on_where_the_policy_says_so(app: Rowlock) -> None:
    policy = RetryPolicy(give_up_on=(TimeoutError,))
    app.declare(children.fail, name="fails", executor="process", retry=policy, timeout=20)
    async with working(app, child_processes=1):
        task = await (await app.enqueue("fails", {"how": "timeout"})).wait(SOON)
    assert (task.status, task.reason, task.attempt) == ("dead", "failed_for_good", 1)


async def given_back(handle: Any) -> Any:
    task = await handle.get()
    return task if task.reason == "released" and task.status in ("scheduled", "ready") else None
