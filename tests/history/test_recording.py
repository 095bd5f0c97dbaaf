"""Real workers are recorded without their help, and what a kill leaves of their history is judged all the same."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from tests.harness.eventually import eventually
from tests.harness.history.calls import History, history_of
from tests.harness.history.check import check_run
from tests.harness.history.events import read_events
from tests.harness.history.recording import FOLDER
from tests.harness.planted.stage import stage
from tests.harness.worker_process import worker_process

from rowlock.domain.errors import DatabaseUnavailable, RowlockError
from rowlock.domain.requests import task_request
from rowlock.store import leases
from rowlock.store.links import Link

APP = "tests.history.recorded_app:app"
QUICK = {"lease_seconds": 1, "heartbeat_seconds": 0.2, "poll_seconds": 0.05, "concurrency": 4}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def history(folder: Path) -> History:
    return history_of(read_events(folder).events)


async def test_a_killed_worker_and_its_heir_have_a_clean_history(database_url: str, folder: Path) -> None:
    async with stage(database_url, folder) as here:
        await here.enqueue_all([task_request("recorded.work", max_attempts=5) for _ in range(20)])
        held = await here.enqueue("recorded.hold", max_attempts=5)
        with worker_process(APP, database_url, **QUICK) as victim:
            await eventually(lambda: any(run.task == str(held) for run in history(folder).runs))
            await eventually(lambda: any(renewal.task == str(held) for renewal in history(folder).renewals))
            victim.kill()
        (folder / "go").touch()
        with worker_process(APP, database_url, **QUICK):
            await eventually(here.is_at_rest, within=timedelta(seconds=60))
    assert [str(found) for found in check_run(folder, database_url)] == []
    told = history(folder)
    assert {run.task for run in told.runs} == {ask.id for ask in told.asks}
    assert Counter(run.task for run in told.runs)[str(held)] == 2
    assert {word.way for word in told.words} == {"complete"}


async def test_what_only_some_of_are_released_is_unknown_for_each(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as here:
        await here.enqueue_all([task_request("noop"), task_request("noop")])
        stale, held = await here.one.claim()
        await here.one.complete(stale)
        both = [stale.id, held.id], [stale.lease_token, held.lease_token]
        assert await leases.release(here.one.link, *both) == 1
        await here.one.complete_all()
    heard = [word.heard.value for word in history(tmp_path).words if word.way == "release"]
    assert heard == ["unknown", "unknown"]
    assert [str(found) for found in check_run(tmp_path, database_url)] == []


async def test_a_clock_that_cannot_be_asked_disturbs_nobody(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Link.run

    async def run_without_the_clock(link: Link, name: str, *parameters: object) -> object:
        if name == "read_clock":
            raise DatabaseUnavailable("The connection is cut.")
        return await run(link, name, *parameters)  # type: ignore[arg-type]

    async with stage(database_url, tmp_path) as here:
        monkeypatch.setattr(Link, "run", run_without_the_clock)
        await here.enqueue()
        [held] = await here.one.claim()
        await here.one.renew(held)
        await here.one.report_progress(held)
        await here.one.complete(held)
    told = history(tmp_path)
    assert [lease.granted_by for lease in told.leases] == [None]
    assert [renewal.until for renewal in told.renewals] == [None]
    assert [str(found) for found in check_run(tmp_path, database_url)] == []


async def test_a_refusal_is_on_record_as_what_changed_nothing(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as here:
        known = await here.enqueue()
        with suppress(RowlockError):
            await here.enqueue(id=known)
        await here.one.complete_all()
    assert [ask.call.phase.value for ask in history(tmp_path).asks] == ["ok", "fail"]
    assert [str(found) for found in check_run(tmp_path, database_url)] == []
