"""Child processes for handlers: what ends them, and what comes back from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import time_machine
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working

from rowlock import RetryPolicy, Rowlock

SOON = timedelta(seconds=20)
HOUR = timedelta(hours=1)


async def written(note: Path) -> int:
    """The process id that a handler wrote down."""
    return int(await eventually(lambda: note.exists() and note.read_text()))


async def gone(pid: int) -> None:
    await eventually(lambda: not psutil.pid_exists(pid))


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
