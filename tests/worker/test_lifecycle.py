"""A worker's life: it registers, beats, renews, listens or polls, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.pq import TransactionStatus
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, settings_for
from tests.harness.proxy import Proxy
from tests.worker.conftest import working

from rowlock import Fail, Rowlock
from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable
from rowlock.engine.aside import Aside
from rowlock.engine.claim import Claimer
from rowlock.store import cancelling, workers
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask
from rowlock.worker import run_worker, shutdown, wakeups
from rowlock.worker.claiming import Claiming
from rowlock.worker.shutdown import Shutdown
from rowlock.worker.worker import Worker

SOON = timedelta(seconds=20)


async def test_worker_and_handlers_stand_in_the_database(app: Rowlock, here: Installation) -> None:
    @app.task(name="mail.send", queue="mail", max_attempts=7, timeout=3)
    async def send(to: str, copies: int = 1) -> None:
        """Sends one letter."""

    async with working(app, concurrency=9) as worker:
        await eventually(lambda: here.query("SELECT name FROM rowlock.handlers"))  # which are entered after the worker
        rows = await here.query("SELECT id, health, queues, concurrency FROM rowlock.worker_health")
        assert rows == [(worker.id, "healthy", ["default", "mail"], 9)]
        handlers = await here.query(
            "SELECT name, queue, max_attempts, timeout_seconds, description, payload_schema FROM rowlock.handlers"
        )
        assert handlers[0][:5] == ("mail.send", "mail", 7, 3.0, "Sends one letter.")
        assert handlers[0][5]["required"] == ["to"]
        assert set(handlers[0][5]["properties"]) == {"to", "copies"}
        # A caller that names nothing but the handler gets its defaults.
        rows = await here.query("SELECT rowlock.enqueue('mail.send', '{\"to\": \"ada\"}') AS id")
        task = await here.task(rows[0][0])
        assert (task.queue, task.max_attempts, task.timeout_seconds) == ("mail", 7, 3.0)
    assert await here.query("SELECT health FROM rowlock.worker_health") == [("stopped",)]


@pytest.mark.parametrize("ends", ["its handlers are entered", "it is told to stop"])
async def test_a_worker_that_tries_again_to_enter_its_handlers_has_one_row(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    tries = 0
    register_handlers, may_enter = workers.register_handlers, asyncio.Event()

    async def refuse(*about: Any) -> None:
        nonlocal tries
        tries += 1
        if not may_enter.is_set():
            raise DatabaseUnavailable("not now")
        await register_handlers(*about)

    monkeypatch.setattr(workers, "register_handlers", refuse)
    worker = Worker(app, settings_for(str(app.settings.database_url)), app.database, ["default"])
    running = asyncio.create_task(worker.run())
    await eventually(lambda: tries >= 3)
    if ends == "it is told to stop":
        worker.stop()
        with pytest.raises(DatabaseUnavailable, match="not now"):
            await running
    else:
        may_enter.set()
        await eventually(lambda: worker.health == ("healthy", None))
        assert await here.query("SELECT id FROM rowlock.workers") == [(worker.id,)]
        worker.stop()
        await running
    assert await here.query("SELECT health FROM rowlock.worker_health") == [("stopped",)]


async def test_no_heartbeat_is_under_way_when_a_worker_says_goodbye(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it might arrive later, and call the worker back to life."""
    under_way, seen = 0, list[int]()
    stop_worker = workers.stop_worker

    async def beat_slowly(*_: object, **__: object) -> bool:
        nonlocal under_way
        under_way += 1
        try:
            return await asyncio.Event().wait()
        finally:
            under_way -= 1

    async def say_goodbye(database: Database, worker_id: int) -> None:
        seen.append(under_way)
        await stop_worker(database, worker_id)

    monkeypatch.setattr(workers, "beat", beat_slowly)
    monkeypatch.setattr(workers, "stop_worker", say_goodbye)
    async with working(app):
        await eventually(lambda: under_way)
    assert seen == [0]
    assert await here.query("SELECT health FROM rowlock.worker_health") == [("stopped",)]


async def test_leases_of_long_tasks_are_renewed(app: Rowlock, here: Installation) -> None:
    gate = asyncio.Event()

    @app.task
    async def long() -> None:
        await gate.wait()

    handle = await long.enqueue()
    async with working(app, lease_seconds=1):
        first = (await eventually(lambda: _running(handle))).visible_at
        await eventually(lambda: _lease_beyond(handle, first + timedelta(seconds=1)))
        gate.set()
        task = await handle.wait(SOON)
    assert task.attempt == 1
    assert await here.outcomes(handle.id) == ["succeeded"]


async def test_stopping_worker_finishes_what_runs_and_gives_back_the_rest(app: Rowlock, here: Installation) -> None:
    gate, begun = asyncio.Event(), asyncio.Barrier(3)

    @app.task
    async def finishes() -> None:
        if not gate.is_set():
            await begun.wait()
        await gate.wait()

    @app.task
    async def never() -> None:
        await begun.wait()
        await asyncio.Event().wait()

    async with working(app, drain_seconds=1, concurrency=2) as worker:
        one, two = await finishes.enqueue(), await never.enqueue()
        await finishes.enqueue_many([{} for _ in range(5)])
        await begun.wait()
        worker.stop()
        gate.set()
    assert (await one.get()).status == "succeeded"
    given_back = await two.get()
    assert (given_back.status, given_back.attempt) == ("ready", 0)
    assert await here.outcomes(two.id) == ["released"]
    assert await here.query("SELECT count(*) FROM rowlock.tasks_live WHERE lease_token IS NOT NULL") == [(0,)]
    assert worker.held.figures.claimed == worker.held.figures.finished + worker.held.figures.released


@pytest.mark.parametrize(
    ("raised", "left"),
    [(OSError("cut off"), ("ready", 0, ["released"])), (Fail("no more"), ("dead", 1, ["failed"]))],
)
async def test_a_handler_that_answers_the_stop_with_an_error_is_given_back(
    app: Rowlock, here: Installation, raised: Exception, left: tuple[str, int, list[str]]
) -> None:
    """As where a client of something makes an error of its own of each; what it says on purpose counts."""
    begun = asyncio.Event()

    @app.task
    async def tidies_up() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise raised from None

    async with working(app, drain_seconds=0.1) as worker:
        handle = await tidies_up.enqueue()
        await begun.wait()
        worker.stop()
    task = await handle.get()
    assert (task.status, task.attempt, await here.outcomes(handle.id)) == left


async def test_works_by_polling_where_listen_is_lost(app: Rowlock, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoListen:
        async def __aenter__(self) -> None:
            return None

        async def __aexit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(wakeups, "listen", lambda *_: NoListen())

    @app.task
    async def echo(n: int) -> int:
        return n

    async with working(app):
        assert await (await echo.enqueue(n=4)).result(SOON) == 4


async def test_worker_survives_the_loss_of_its_connections(app: Rowlock, here: Installation) -> None:
    assert await _works_on_after_a_cut(app, here, "rowlock worker%%") >= 2


async def test_a_notification_finds_the_connection_for_claims_cut(app: Rowlock, here: Installation) -> None:
    """Nobody looks before the claim, which fails then, and the next one is made over a connection anew."""
    assert await _works_on_after_a_cut(app, here, "rowlock worker%% claims") == 1


async def test_outcomes_are_kept_while_the_database_refuses(app: Rowlock, here: Installation) -> None:
    gate = asyncio.Event()

    @app.task
    async def waits() -> str:
        await gate.wait()
        return "kept"

    handle = await waits.enqueue()
    async with working(app) as worker:
        await eventually(lambda: _running(handle))
        await here.query("ALTER TABLE rowlock.executions RENAME TO hidden")
        gate.set()
        await eventually(lambda: worker.health[0] == "degraded")
        assert (await handle.get()).status == "running"
        await here.query("ALTER TABLE rowlock.hidden RENAME TO executions")
        assert await handle.result(SOON) == "kept"


async def test_nothing_to_do_is_said(database_url: str) -> None:
    settings = settings_for(database_url)
    with pytest.raises(ConfigurationError, match="nothing to do"):
        await run_worker(Rowlock(settings=settings), settings, stop=asyncio.Event())


async def _works_on_after_a_cut(app: Rowlock, here: Installation, connections: str) -> int:
    """Ends the connections of that name, and sees the next task done by a healthy worker; how many there were."""

    @app.task
    async def echo(n: int) -> int:
        return n

    async with working(app) as worker:
        assert await (await echo.enqueue(n=1)).result(SOON) == 1
        [(cut,)] = await here.query(
            "SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity "
            f"WHERE datname = current_database() AND application_name LIKE '{connections}'",
            {},
        )
        assert await (await echo.enqueue(n=2)).result(SOON) == 2
        await eventually(lambda: worker.health == ("healthy", None))
    return int(cut)


async def _running(handle: Any) -> Any:
    task = await handle.get()
    return task if task.status == "running" else None


async def _lease_beyond(handle: Any, moment: Any) -> bool:
    return bool((await handle.get()).visible_at > moment)


@pytest.mark.parametrize("whose", ["a duty of the worker", "the finisher"])
async def test_a_worker_ends_though_a_pool_forgets_a_cancellation(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """As psycopg's does that hands a connection over in that moment."""
    forgotten = asyncio.Event()

    async def forget_once(*_: object, **__: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            forgotten.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(cancelling, "AGAIN_SECONDS", 0.02)
    if whose == "a duty of the worker":
        monkeypatch.setattr("rowlock.worker.worker.sync_schedules", forget_once)
    else:
        monkeypatch.setattr(Aside, "run", forget_once)
    async with asyncio.timeout(20):
        async with working(app) as worker:
            await eventually(lambda: worker.id)
    assert forgotten.is_set()


async def test_a_worker_says_goodbye_though_a_pool_forgets_to_cancel_its_heartbeat(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In as little time as it gives itself for that."""
    beating = asyncio.Event()

    async def beat_and_forget(*_: object, **__: object) -> bool:
        beating.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return bool(await asyncio.Event().wait())

    monkeypatch.setattr(workers, "beat", beat_and_forget)
    async with working(app):
        await beating.wait()
    assert await here.query("SELECT health FROM rowlock.worker_health") == [("stopped",)]


async def test_a_worker_ends_though_the_server_answers_nothing_any_more(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the stages by which it always ends. What it held is left to the end of its lease."""
    monkeypatch.setattr(shutdown, "LAST_CLAIM_SECONDS", 0.2)
    monkeypatch.setattr(Shutdown, "_patience", lambda _: asyncio.timeout(0.2))
    begun = asyncio.Event()

    @app.task
    async def stays() -> None:
        begun.set()
        await asyncio.Event().wait()

    assert app.settings.database_url
    async with Proxy(app.settings.database_url) as network:
        settings = settings_for(network.url, drain_seconds=0.2, force_seconds=0.2, pool_max=1)
        database = await Database(settings, name="rowlock worker").open()
        worker = Worker(app, settings, database, ["default"])
        running = asyncio.create_task(worker.run())
        handle = await stays.enqueue()
        await begun.wait()
        network.swallow()
        await eventually(lambda: _waits_for_an_answer(worker))
        worker.stop()
        async with asyncio.timeout(60):
            await running
        assert (await handle.get()).status == "running"
        await network.restore()
        await database.close()


async def test_what_a_claim_took_that_is_never_answered_is_given_back(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "LAST_CLAIM_SECONDS", 0.2)
    claim = Claimer.claim

    async def claim_unheard(*what: Any, **how: Any) -> list[ClaimedTask]:
        if await claim(*what, **how):
            await asyncio.Event().wait()
        return []

    monkeypatch.setattr(Claimer, "claim", claim_unheard)
    task_id = await here.enqueue()
    async with asyncio.timeout(60), working(app, lease_seconds=600):
        await eventually(lambda: _is_running(here, task_id))
    task = await here.task(task_id)
    assert (task.status, task.attempt) == ("ready", 0)


async def test_an_outcome_that_is_not_written_in_time_keeps_nothing_else_from_being_given_back(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction has locked its task, which is left to the end of its lease."""
    monkeypatch.setattr(Shutdown, "_patience", lambda _: asyncio.timeout(1))
    monkeypatch.setattr(Claiming, "in_doubt", True)
    gate = asyncio.Event()

    @app.task
    async def waits() -> None:
        await gate.wait()

    worker = Worker(app, settings_for(str(app.settings.database_url), lease_seconds=600), app.database, ["default"])
    running = asyncio.create_task(worker.run())
    handle = await waits.enqueue()
    await eventually(lambda: worker.held.attempts)
    unheard = await here.enqueue(queue="others")
    await here.claim(queue="others", worker=worker.id)
    async with here.database.link() as link, link.transaction():
        await link.query("SELECT FROM rowlock.tasks_live WHERE id = %(id)s FOR UPDATE", {"id": handle.id})
        gate.set()
        await eventually(lambda: worker.held.unwritten)
        worker.stop()
        async with asyncio.timeout(60):
            await running
    assert (await handle.get()).status == "running"
    task = await here.task(unheard)
    assert (task.status, task.attempt) == ("ready", 0)
    assert await here.query("SELECT health FROM rowlock.worker_health") == [("stopped",)]


def _waits_for_an_answer(worker: Worker) -> bool:
    link = worker._claiming._link
    return link is not None and link.connection.info.transaction_status is TransactionStatus.ACTIVE


async def _is_running(here: Installation, task_id: UUID) -> bool:
    return (await here.task(task_id)).status == "running"
