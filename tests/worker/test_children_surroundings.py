"""A function in a child process is surrounded as one in its worker is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.harness.installation import Installation, installation
from tests.worker import child_app

from rowlock.telemetry.metrics import process_metrics
from rowlock.testing import drain, on_database


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as opened, on_database(child_app.app, database_url):
        yield opened


async def test_what_it_enqueues_goes_to_the_workers_database_though_the_code_names_another(here: Installation) -> None:
    await child_app.plants.enqueue(leaves=2)
    assert await drain(child_app.app) == {"succeeded": 3}


async def test_what_it_enqueues_is_counted_by_the_worker_even_where_it_fails(here: Installation) -> None:
    before = counted()
    await child_app.plants.enqueue_many([{"leaves": leaves} for leaves in (2, 3, 4)])
    assert await drain(child_app.app) == {"succeeded": 11, "failed": 1}
    assert counted() - before == 9


def counted() -> float:
    """How many leaves this process says that Python has enqueued."""
    labels = {"queue": "default", "name": "leaf", "source": "python"}
    return process_metrics().registry.get_sample_value("rowlock_tasks_submitted_total", labels) or 0
