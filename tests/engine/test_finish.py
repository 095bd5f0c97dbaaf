"""The finisher: an outcome that cannot be stored holds up no other, and its task is not left running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import RowlockError
from rowlock.engine import writing
from rowlock.engine.finish import Finisher
from rowlock.engine.writing import Ending, Way
from rowlock.store.leases import ClaimedTask, FailedAttempt

UNSTORABLE = '"\\u0000"'  # JSON, but no text that PostgreSQL takes


@dataclass
class Heard:
    """What the finisher told its worker."""

    accepted: set[int] = field(default_factory=set)
    settled: list[Ending] = field(default_factory=list)
    troubles: list[RowlockError] = field(default_factory=list)
    recoveries: int = 0

    def settle(self, endings: list[Ending], accepted: set[int] | None) -> None:
        self.settled += endings
        self.accepted |= accepted or set()

    def recover(self) -> None:
        self.recoveries += 1


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def finisher(here: Installation, heard: Heard) -> AsyncIterator[Finisher]:
    made = Finisher(
        here.database, lambda: 1, batch=100, settled=heard.settle, troubled=heard.troubles.append, well=heard.recover
    )
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def claimed(here: Installation, how_many: int) -> list[ClaimedTask]:
    for _ in range(how_many):
        await here.enqueue()
    return await here.claim(how_many)


async def test_a_result_that_cannot_be_stored_is_buried_alone(
    here: Installation, heard: Heard, finisher: Finisher
) -> None:
    good, bad, also_good = await claimed(here, 3)
    for task, result in ((good, "1"), (bad, UNSTORABLE), (also_good, "3")):
        finisher.put(Ending(task, Way.COMPLETE_WITH_RESULT, result=result))
    await finisher.flushed()
    assert [(await here.task(task.id)).result for task in (good, also_good)] == [1, 3]
    buried = await here.task(bad.id)
    assert (buried.status, buried.reason) == ("dead", "failed_for_good")
    assert buried.error is not None
    assert "cannot be stored" in buried.error
    assert heard.accepted == {task.lease_token for task in (good, bad, also_good)}
    assert heard.troubles == []


async def test_a_last_word_that_cannot_be_stored_is_given_up(
    here: Installation, heard: Heard, finisher: Finisher
) -> None:
    """The lease runs out, as it would had the worker died, and nothing is tried for ever."""
    bad, good = await claimed(here, 2)
    said = FailedAttempt(bad.id, bad.lease_token, "failed", "error", "no text: \0")
    finisher.put(Ending(bad, Way.BURY, outcome="failed", said=said))
    finisher.put(Ending(good, Way.COMPLETE))
    await eventually(lambda: len(heard.settled) == 2)
    assert heard.accepted == {good.lease_token}
    assert len(finisher) == 0
    assert [(await here.task(task.id)).status for task in (bad, good)] == ["running", "succeeded"]


async def test_no_statement_has_more_text_than_it_bears(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ending alone may have more: how much, `max_result_bytes` says."""
    monkeypatch.setattr(writing, "MOST_CHARACTERS", 100)
    written: list[list[int]] = []

    def settle(endings: list[Ending], accepted: set[int] | None) -> None:
        assert accepted == {ending.task.lease_token for ending in endings}
        written.append([len(ending.result or "") for ending in endings])

    made = Finisher(here.database, lambda: 1, batch=100, settled=settle, troubled=print, well=print)
    for task, length in zip(await claimed(here, 7), (40, 50, 20, 500, 10, 90, 1), strict=True):
        made.put(Ending(task, Way.COMPLETE_WITH_RESULT, result="1" * length))
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(20):
        await made.flushed()
    running.cancel()
    assert written == [[40, 50], [20], [500], [10, 90], [1]]


async def test_errors_and_tracebacks_are_text_too(here: Installation) -> None:
    (task,) = await claimed(here, 1)
    text = "x" * 2**20
    said = FailedAttempt(task.id, task.lease_token, "failed", "error", text, text)
    sizes = {
        way: [len(group) for _, group in writing.grouped([Ending(task, way, said=said)] * 20)]
        for way in (Way.RETRY, Way.BURY, Way.SNOOZE, Way.CANCEL)
    }
    assert list(sizes.values()) == [[8, 8, 4]] * 4


async def test_outcomes_of_every_kind_are_written_from_one_batch(
    here: Installation, heard: Heard, finisher: Finisher
) -> None:
    tasks = await claimed(here, 8)
    for task, way in zip(tasks, Way, strict=True):
        said = FailedAttempt(task.id, task.lease_token, "failed", "error", "no", None, 60)
        finisher.put(Ending(task, way, result="5", said=None if way is Way.RELEASE else said))
    await finisher.flushed()
    statuses = {way: (await here.task(task.id)).status for task, way in zip(tasks, Way, strict=True)}
    assert statuses == {
        Way.COMPLETE: "succeeded",
        Way.COMPLETE_WITH_RESULT: "succeeded",
        Way.RETRY: "retrying",
        Way.BURY: "dead",
        Way.SNOOZE: "scheduled",
        Way.DEFER: "scheduled",
        Way.CANCEL: "cancelled",
        Way.RELEASE: "ready",
    }
    assert heard.accepted == {task.lease_token for task in tasks}
