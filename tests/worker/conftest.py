"""A running worker for a test, and the application it works for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock import Rowlock
from rowlock.store.database import Database
from rowlock.worker.worker import Worker

Working = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[Rowlock]:
    made = Rowlock(settings=settings_for(database_url))
    yield made
    await made.close()


@pytest.fixture
async def here(app: Rowlock) -> Installation:
    await app.open()
    return Installation(app.database)


@asynccontextmanager
async def working(app: Rowlock, **flags: Any) -> AsyncIterator[Worker]:
    """A worker for all queues of the application, stopped and drained at the end of the block."""
    assert app.settings.database_url
    settings = settings_for(app.settings.database_url, **flags)
    queues = sorted({handler.queue for handler in app.handlers.values()} | {"default"})
    async with Database(settings, name="rowlock worker") as database:
        worker = Worker(app, settings, database, queues)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running
