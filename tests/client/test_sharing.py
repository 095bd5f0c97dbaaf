"""An application that uses somebody else's pool, such as the worker's, leads all of its calls to that installation."""

from __future__ import annotations

import asyncio

import psycopg
from tests.harness.eventually import eventually
from tests.harness.installation import installation, settings_for

from rowlock import Rowlock
from rowlock.config import load_settings
from rowlock.store.database import Database
from rowlock.testing.databases import FreshDatabases
from rowlock.worker import run_worker


async def test_what_handlers_of_a_worker_enqueue_goes_to_the_workers_installation(
    app: Rowlock, databases: FreshDatabases
) -> None:
    with databases.clone() as url:

        @app.task(name="leaf")
        async def leaf() -> None: ...

        @app.task(name="loop")
        async def by_loop() -> None:
            await leaf.enqueue()

        @app.task(name="thread")
        def by_thread() -> None:
            leaf.enqueue_sync()
            with psycopg.connect(url) as connection:
                leaf.options(on=connection).enqueue_sync()

        app.enqueue_sync("noop")  # a pool of the application's own changes nothing
        stop = asyncio.Event()
        async with installation(url) as here, asyncio.TaskGroup() as group:
            group.create_task(run_worker(app, settings_for(url), stop=stop))
            for name in ("loop", "thread"):
                await here.enqueue(name)
            await eventually(lambda: here.query("SELECT 1 FROM rowlock.task_state WHERE name = 'leaf' OFFSET 2"))
            stop.set()
        app.enqueue_sync("noop")
    await app.open()
    rows = await app.database.read("count_due", {"queues": ["default"], "worker_id": 0})
    assert [(name, count) for name, _, count in rows] == [("noop", 2)]


def test_the_schema_is_that_of_the_shared_pool(bare_app: Rowlock) -> None:
    assert bare_app.settings.database_url
    shared = Database(load_settings(database_url=f"{bare_app.settings.database_url}_shared", schema="jobs"))
    with bare_app.sharing(shared):
        synchronous = bare_app._own.sync_database
        assert (synchronous.schema, synchronous.settings.database_url) == ("jobs", shared.url)
        assert bare_app.database_url == shared.url
    assert bare_app.database_url == bare_app.settings.database_url
    assert bare_app._own.sync_database.schema == "rowlock"
    bare_app.close_sync()
