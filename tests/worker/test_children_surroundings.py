"""A function in a child process is surrounded as one in its worker is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.harness.installation import Installation, installation
from tests.worker import child_app

from rowlock.testing import drain, on_database


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as opened, on_database(child_app.app, database_url):
        yield opened


async def test_what_it_enqueues_goes_to_the_workers_database_though_the_code_names_another(here: Installation) -> None:
    await child_app.plants.enqueue(leaves=2)
    assert await drain(child_app.app) == {"succeeded": 3}
