"""The app against its own OpenAPI document: requests that fit it, and requests that do not, from schemathesis.

Refusing what fits the document is not a failure here: a cursor is opaque, an instant has its years, and rules between
two fields cannot be said in a schema. Schemathesis is imported by the test alone, not by each program that collects.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from tests.harness.installation import settings_for

from rowlock.api.server import serve
from rowlock.config import Settings
from rowlock.engine.access import create_key
from rowlock.store.database import Database
from rowlock.testing.databases import FreshDatabases

if TYPE_CHECKING:
    from schemathesis import Case, GenerationMode
    from schemathesis.schemas import APIOperation

EXAMPLES = 4
WITHOUT_INPUT = {"GET /health/live", "GET /health/ready", "GET /metrics"}
LEFT_OUT = ["positive_data_acceptance"]

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_what_the_document_says_is_what_happens(databases: FreshDatabases, template: str) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    with databases.clone() as url, served_in_a_thread(settings_for(url, port=0)) as (address, key):
        document = schemathesis.openapi.from_url(f"{address}/openapi.json")
        operations = [result.ok() for result in document.get_all_operations()]
        assert len(operations) > 35
        for operation in operations:
            keep_to(operation, GenerationMode.POSITIVE, key)
            if operation.label not in WITHOUT_INPUT:
                keep_to(operation, GenerationMode.NEGATIVE, key)


def keep_to(operation: APIOperation, mode: GenerationMode, key: str) -> None:
    """Sends requests of that mode, and checks each answer against the document."""
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    left_out = CHECKS.get_by_names(LEFT_OUT)

    @bounded
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_described(case: Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=left_out)

    answers_as_described()


@contextmanager
def served_in_a_thread(config: Settings) -> Iterator[tuple[str, str]]:
    """A server for a client that blocks: its address, and an admin's key."""
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        await serve(config, stop=stop, on_ready=lambda address: ready.set_result((address, loop, stop)))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    address, loop, stop = ready.result(timeout=20)
    try:
        yield address, asyncio.run(_admin_key(config))
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _admin_key(config: Settings) -> str:
    async with Database(config) as database:
        return (await create_key(database, "default", "contract", ["admin"], "test")).key
