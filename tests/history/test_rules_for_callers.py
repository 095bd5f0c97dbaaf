"""The rules about what callers are told: each on a run that is right, and on one that was spoilt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.harness.history.rows import KeyRow, TaskRow
from tests.harness.history.rules.idempotency import idempotency
from tests.harness.history.rules.lost import lost
from tests.harness.history.rules.stuck import stuck
from tests.harness.history.rules.tenants import tenants
from tests.harness.history.rules.unexpected import unexpected
from tests.harness.history.rules.whole import whole
from tests.harness.history.simulator import DAY, FAILED, REPLY_LOST, REQUEST_LOST, Simulator
from tests.history.judging import answer, ask, leased, sentences


@pytest.fixture
def system() -> Simulator:
    return Simulator()


def test_lost(system: Simulator) -> None:
    system.enqueue(2)
    system.enqueue(heard=REQUEST_LOST)
    system.enqueue(heard=FAILED)
    assert sentences(lost, system.case()) == []
    del system.tasks["task-2"]
    assert sentences(lost, system.case()) == ["Task task-2 was acknowledged, and is not there."]


def test_whole(system: Simulator) -> None:
    system.enqueue(3, heard=REPLY_LOST)
    system.enqueue(3, heard=REQUEST_LOST)
    system.enqueue(2)
    assert sentences(whole, system.case()) == []
    del system.tasks["task-2"], system.tasks["task-7"]
    assert sentences(whole, system.case()) == ["Of a batch of 3 tasks 2 are stored."]


def test_unexpected(system: Simulator) -> None:
    system.enqueue()
    system.enqueue(heard=REPLY_LOST)
    system.enqueue(chooses_id=False)
    system.enqueue(chooses_id=False, heard=REPLY_LOST)
    system.schedule()
    system.fire(system.elect())
    assert sentences(unexpected, system.case()) == []
    twin = replace(system.tasks["task-4"], id="twin")
    assert sentences(unexpected, system.case(tasks=(*system.tasks.values(), twin))) == ["Nobody asked for task twin."]


def test_what_a_failed_request_leaves_is_unexpected(system: Simulator) -> None:
    system.enqueue(heard=FAILED)
    assert sentences(unexpected, system.case()) == []
    left = _row(system, "task-1")
    assert sentences(unexpected, system.case(tasks=(left,))) == ["Task task-1 is stored, though its request failed."]


def test_what_a_key_had_answered_is_unexpected_a_second_time(system: Simulator) -> None:
    system.enqueue(key="once")
    system.enqueue(key="once")
    second = _row(system, "task-2")
    assert sentences(unexpected, system.case(tasks=(second,))) == ["Task task-2 is stored, though its request failed."]


def test_stuck(system: Simulator) -> None:
    system.say(leased(system), "complete")
    system.enqueue(waits=True)
    system.enqueue()
    assert sentences(stuck, system.case()) == []
    assert sentences(stuck, system.case(quiesced=True)) == [
        "Task task-3 is still pending, and nothing more happens to it."
    ]


def test_two_tasks_of_one_key(system: Simulator) -> None:
    system.enqueue(key="once", request="{}")
    system.enqueue(key="once", request="{}")
    system.enqueue(key="once", request="[]")
    system.enqueue(key="other", heard=REPLY_LOST)
    assert sentences(idempotency, system.case()) == []
    second = replace(system.tasks["task-1"], id="second", created_at=system.now)
    later = replace(second, created_at=system.now + DAY * 1_000_000)
    assert sentences(idempotency, system.case(tasks=(*system.tasks.values(), later))) == []
    assert sentences(idempotency, system.case(tasks=(*system.tasks.values(), second))) == [
        "Key once of default names two tasks."
    ]


def test_callers_who_are_told_of_different_tasks(system: Simulator) -> None:
    system.enqueue()
    system.enqueue(key="once")
    system.enqueue(key="once")
    assert sentences(idempotency, system.case()) == []
    answer(system, 2, tasks=[{"id": "task-1", "created": False}])
    assert sentences(idempotency, system.case()) == ["Key once of default names two tasks."]


def test_one_task_for_two_requests(system: Simulator) -> None:
    system.enqueue(key="once", request="{}")
    system.enqueue(key="once", request="{}")
    system.calls[1].asked["tasks"][0]["request"] = "[]"
    assert sentences(idempotency, system.case()) == ["Key once of default answered different requests with one task."]


def test_two_makers_of_one_task(system: Simulator) -> None:
    system.enqueue(key="once")
    system.enqueue(key="once")
    answer(system, 1, tasks=[{"id": "task-1", "created": True}])
    assert sentences(idempotency, system.case()) == [
        "Key once of default told several callers that they had made its task."
    ]


def test_a_refusal_without_another_request(system: Simulator) -> None:
    system.enqueue(key="once", request="{}")
    system.enqueue(key="once", request="[]")
    system.calls[1].asked["tasks"][0]["request"] = "{}"
    assert sentences(idempotency, system.case()) == [
        "Key once of default was refused to a caller who asked for the same as the others."
    ]


def test_a_key_of_no_task(system: Simulator) -> None:
    astray = KeyRow("default", "once", "nowhere", system.now)
    assert sentences(idempotency, system.case(keys=(astray,))) == [
        "Key once of default names task nowhere, which is not there."
    ]


def test_tenants(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "complete")
    system.read(held.task)
    system.read(held.task, "other")
    system.cancel(held.task)
    system.enqueue(tenant="other", key="once", heard=REPLY_LOST)
    assert sentences(tenants, system.case()) == []
    ask(system, 3, tenant="other")
    assert sentences(tenants, system.case()) == ["Task task-1 of default was open to a read by other."]


def test_a_lane_of_another_tenant(system: Simulator) -> None:
    leased(system)
    system.calls[1].answer["leases"][0]["lane"] = "other/flow"
    assert sentences(tenants, system.case()) == ["Task task-1 of default was claimed in lane other/flow."]


def test_rows_of_another_tenant(system: Simulator) -> None:
    system.say(leased(system), "complete")
    theirs = replace(system.tasks["task-1"], tenant="other")
    assert sentences(tenants, system.case(tasks=(theirs,))) == [
        "Task task-1 of other was stored for default.",
        "Task task-1 of other was claimed for default.",
        "Task task-1 of other was on record for default.",
    ]


def _row(system: Simulator, task: str) -> TaskRow:
    """The row that the task would have."""
    other = Simulator()
    other.enqueue()
    return replace(other.tasks["task-1"], id=task)
