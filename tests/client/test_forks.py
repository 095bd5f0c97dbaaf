"""A fork copies pools without their threads, and connections whose other end knows one partner only."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.forking import sessions
from tests.harness.installation import Installation

from rowlock import Rowlock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
REPOSITORY = Path(__file__).parents[2]


async def test_after_a_fork_parent_and_child_enqueue_without_an_event_loop(
    here: Installation, database_url: str
) -> None:
    program = [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.client.forking", database_url]
    ended = await asyncio.to_thread(
        subprocess.run, program, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert await enqueued_by(here) == ["child", "parent", "parent"]


async def test_after_a_fork_parent_and_child_enqueue_in_event_loops_of_their_own(
    app: Rowlock, here: Installation, database_url: str
) -> None:
    await app.enqueue("noop", {"by": "parent"})
    before = sessions(database_url)
    child = multiprocessing.get_context("fork").Process(target=_enqueue_and_close, args=(app,))
    child.start()
    await asyncio.to_thread(child.join, 60)
    assert child.exitcode == 0
    await app.enqueue("noop", {"by": "parent"})
    assert sessions(database_url) == before
    assert await enqueued_by(here) == ["child", "parent", "parent"]


def _enqueue_and_close(app: Rowlock) -> None:
    async def run() -> None:
        await app.enqueue("noop", {"by": "child"})
        await app.close()

    asyncio.run(run())


async def enqueued_by(here: Installation) -> list[str]:
    return [by for (by,) in await here.query("SELECT payload->>'by' FROM rowlock.task_state ORDER BY 1")]
