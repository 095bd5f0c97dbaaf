"""The planted bug that needs a server of its own: commits that are acknowledged before they are on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.harness.history.check import check_run
from tests.harness.planted.stage import stage
from tests.harness.server import PostgresServer

from rowlock.domain.requests import task_request


@pytest.mark.parametrize(("synchronous_commit", "found"), [("on", set()), ("off", {"lost"})])
async def test_an_acknowledged_task_outlives_the_server(
    postgres: PostgresServer, tmp_path: Path, synchronous_commit: str, found: set[str]
) -> None:
    """With `off`, what was committed last waits for the WAL writer, who is asleep, and dies with the server."""
    postgres.configure(synchronous_commit=synchronous_commit, wal_writer_delay="10s")
    async with stage(postgres.url, tmp_path) as before:
        await before.enqueue_all([task_request("noop"), task_request("noop")])
        await asyncio.to_thread(postgres.kill)
    await asyncio.to_thread(postgres.start)
    async with stage(postgres.url, tmp_path) as after:
        await after.one.complete_all()
    assert {violation.rule for violation in check_run(tmp_path, postgres.url)} == found
