"""Requests that gather are answered as if each had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import AlreadyExists, DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.ids import new_id
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine import gathered
from rowlock.engine.gathered import GatheredEnqueue
from rowlock.store import tasks
from rowlock.store.database import Database

Asked = Sequence[tuple[str, TaskRequest]]


async def names(here: Installation) -> list[str]:
    """Of all tasks that are stored."""
    return [row[0] for row in await here.query("SELECT name FROM rowlock.tasks ORDER BY name")]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the tasks in each batch that was sent."""
    sent: list[list[str]] = []
    insert = tasks.insert_tasks_of

    async def insert_and_note(database: Database, asked: Asked) -> datetime:
        sent.append([request.name for _, request in asked])
        return await insert(database, asked)

    monkeypatch.setattr(gathered.tasks, "insert_tasks_of", insert_and_note)
    return sent


async def test_what_comes_while_a_batch_commits_goes_together(here: Installation, batches: list[list[str]]) -> None:
    gathering = GatheredEnqueue(here.database)
    requests = [task_request(f"t{n}", {"n": n}, queue=f"q{n % 2}") for n in range(20)]
    first = asyncio.create_task(gathering.enqueue("a", requests[0]))

    async def sent() -> bool:
        return len(batches) == 1

    await eventually(sent)
    rest = [gathering.enqueue("ab"[n % 2], requests[n]) for n in range(1, 20)]
    stored_at = await asyncio.gather(first, *rest)
    assert [len(batch) for batch in batches] == [1, 19]
    for n, request in enumerate(requests):
        stored = await tasks.get_task(here.database, "ab"[n % 2], request.id)
        assert (stored.name, stored.payload, stored.queue) == (f"t{n}", {"n": n}, f"q{n % 2}")
        assert stored.created_at == stored_at[n] == stored.visible_at


async def test_one_that_is_refused_is_refused_alone(here: Installation, batches: list[list[str]]) -> None:
    gathering = GatheredEnqueue(here.database)
    known = new_id()
    await gathering.enqueue("a", task_request("first", id=known))
    answers = await asyncio.gather(
        gathering.enqueue("a", task_request("one")),
        gathering.enqueue("a", task_request("second", id=known)),
        gathering.enqueue("a", task_request("two")),
        return_exceptions=True,
    )
    assert batches[1] == ["one", "second", "two"]
    assert answers[0] is None  # it was stored by itself, and nobody has asked when
    assert answers[2] is None
    assert isinstance(answers[1], AlreadyExists)
    assert await names(here) == ["first", "one", "two"]


async def test_one_that_goes_away_takes_nobody_along(here: Installation, batches: list[list[str]]) -> None:
    gathering = GatheredEnqueue(here.database)
    waits = [asyncio.create_task(gathering.enqueue("a", task_request(name))) for name in ("gone", "stays")]
    await asyncio.sleep(0)
    waits[0].cancel()
    assert isinstance(await waits[1], datetime)
    with pytest.raises(asyncio.CancelledError):
        await waits[0]
    assert batches == [["stays"]]


async def test_a_lost_reply_is_looked_into_for_each(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = tasks.insert_tasks_of

    async def stored_without_a_word(database: Database, asked: Asked) -> datetime:
        await insert(database, asked)
        raise OutcomeUnknown("The connection broke.")

    monkeypatch.setattr(gathered.tasks, "insert_tasks_of", stored_without_a_word)
    gathering = GatheredEnqueue(here.database)
    answers = await asyncio.gather(*(gathering.enqueue("a", task_request(name)) for name in ("one", "two")))
    assert answers == [None, None]
    assert await names(here) == ["one", "two"]


async def test_each_is_told_that_the_database_is_away(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Database, __: Asked) -> datetime:
        raise DatabaseUnavailable("PostgreSQL is away.")

    monkeypatch.setattr(gathered.tasks, "insert_tasks_of", away)
    gathering = GatheredEnqueue(here.database)
    answers = await asyncio.gather(
        *(gathering.enqueue("a", task_request(name)) for name in ("one", "two")), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert answers[0] is not answers[1]
    monkeypatch.undo()
    assert isinstance(await gathering.enqueue("a", task_request("later")), datetime)
