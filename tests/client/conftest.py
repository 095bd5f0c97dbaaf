"""An application for a test, on a database of its own or on none at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock import Rowlock
from rowlock.config import load_settings


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[Rowlock]:
    made = Rowlock(settings=settings_for(database_url))
    yield made
    await made.close()


@pytest.fixture
def bare_app() -> Rowlock:
    """An application that reaches no database: whatever asks for one fails at once."""
    return Rowlock(settings=load_settings(database_url="postgresql://nobody@127.0.0.1:1/none", connect_seconds=0.1))


@pytest.fixture
async def here(app: Rowlock) -> Installation:
    await app.open()
    return Installation(app.database)
