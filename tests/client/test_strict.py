"""A strict installation: who names a handler is held to what is declared, who holds one or writes SQL is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock import Rowlock, Task
from rowlock.domain.errors import UnknownHandler
from rowlock.engine.schedule_orders import carry_out_orders


@pytest.fixture
async def strict_app(database_url: str) -> AsyncIterator[Rowlock]:
    made = Rowlock(settings=settings_for(database_url, strict=True))
    yield made
    await made.close()


@pytest.fixture
def held(strict_app: Rowlock) -> Task[..., Any]:
    """A handler of the application, which no worker has registered, and whose queue nobody has declared."""

    @strict_app.task(name="mail.send", queue="nowhere")
    async def send() -> None: ...

    return send


async def test_what_python_and_sql_enqueue_is_not_held_to_it(strict_app: Rowlock, held: Task[..., Any]) -> None:
    handle = await held.enqueue()
    assert (await handle.get()).queue == "nowhere"
    assert (await asyncio.to_thread(held.enqueue_sync)).created
    here = Installation(strict_app.database)
    await here.query("SELECT rowlock.enqueue('mail.recall', queue => 'elsewhere')")
    assert await here.query("SELECT count(*) FROM rowlock.tasks_live") == [(3,)]


async def test_schedules_of_a_name_are_and_those_of_a_held_handler_are_not(
    strict_app: Rowlock, held: Task[..., Any]
) -> None:
    assert (await strict_app.schedules.create("held", held, cron="@daily")).queue == "nowhere"
    with pytest.raises(UnknownHandler):
        await strict_app.schedules.create("named", "mail.recall", cron="@daily")


async def test_schedules_ordered_in_sql_are_refused_by_a_strict_scheduler(strict_app: Rowlock) -> None:
    here = Installation(strict_app.database)
    await here.query("""SELECT rowlock.create_schedule('named', 'mail.recall', '{"cron": "@daily"}')""")
    assert (await carry_out_orders(strict_app.database)).refused == 1
    assert await strict_app.schedules.page() == []
