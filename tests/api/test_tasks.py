"""Tasks over REST: made, read, changed, cancelled, redriven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.api.served import Served, assert_problem

from rowlock.domain.ids import new_id
from rowlock.engine import inspect

EVERYTHING: dict[str, Any] = {
    "name": "mail.send",
    "queue": "mail",
    "payload": {"to": "ada@example.org", "nested": {"n": [1, 2.5, None, True, "ü"]}},
    "priority": "high",
    "max_attempts": 7,
    "timeout_seconds": 12.5,
    "tags": ["welcome", "eu"],
    "unique_key": "ada",
    "on_duplicate": "refuse",
    "flow_key": "shop-7",
    "metadata": {"origin": "test"},
    "payload_version": 3,
}
FIVE_ATTEMPTS = """
    INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome,
                                    run_seconds, attempt, tenant_id, queue, name, traceback)
    SELECT %(task_id)s, now(), now(), n, rowlock.execution_day(), 1, 'failed', 1, n, 'default', 'default', 'noop',
           repeat('x', 100)
      FROM generate_series(1, 5) AS n
"""


async def test_a_task_is_made_with_all_that_can_be_set(api: Served) -> None:
    parent, own = str(new_id()), str(new_id())
    made = await api.client.post("/v1/tasks", json={**EVERYTHING, "parent_id": parent, "id": own})

    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/tasks/{own}"
    task = made.json()
    said = {key: task[key] for key in EVERYTHING if key != "on_duplicate"}
    assert said == {key: value for key, value in EVERYTHING.items() if key != "on_duplicate"}
    assert task | {"id": own, "parent_id": parent, "status": "ready", "attempt": 0, "tenant_id": "default"} == task
    assert (await api.client.get(made.headers["location"])).json() == task


async def test_what_a_task_lacks_has_plain_defaults(api: Served) -> None:
    task = (await api.client.post("/v1/tasks", json={"name": "a"})).json()

    assert task["queue"] == "default"
    assert task["priority"] == "normal"
    assert task["max_attempts"] == 4
    assert task["timeout_seconds"] is None
    assert task["payload"] == {}
    assert task["tags"] == []


async def test_a_lifetime_counts_from_the_database_s_now(api: Served) -> None:
    await api.move_clock(timedelta(hours=3))

    task = (await api.client.post("/v1/tasks", json={"name": "a", "expires_in_seconds": 90})).json()
    batch = {"tasks": [{"name": "a", "expires_in_seconds": 90}]}
    [one] = (await api.client.post("/v1/tasks/batch", json=batch)).json()["items"]

    for made in (task, (await api.client.get(f"/v1/tasks/{one['id']}")).json()):
        created, deadline = (datetime.fromisoformat(made[key]) for key in ("created_at", "deadline_at"))
        assert deadline - created == timedelta(seconds=90)
        assert created > datetime.now(UTC) + timedelta(hours=2)


async def test_an_older_version_is_not_held_to_the_newest_schema(api: Served) -> None:
    await api.register("a", '{"type": "object", "required": ["to"]}', payload_version=2)

    assert_problem(await api.client.post("/v1/tasks", json={"name": "a"}), 422, "invalid-payload", field="payload")
    older = await api.client.post("/v1/tasks", json={"name": "a", "payload_version": 1})
    assert (older.status_code, older.json()["payload_version"]) == (201, 1)


async def test_what_a_task_lacks_comes_from_its_handler(api: Served) -> None:
    await api.register("a", queue="slow", priority=0, max_attempts=9, timeout_seconds=30.0, payload_version=5)

    task = (await api.client.post("/v1/tasks", json={"name": "a", "max_attempts": 2})).json()

    assert (task["queue"], task["priority"], task["timeout_seconds"], task["payload_version"]) == (
        "slow",
        "critical",
        30.0,
        5,
    )
    assert task["max_attempts"] == 2


@pytest.mark.parametrize("priority", [0, "critical", "CRITICAL"])
async def test_a_priority_is_a_word_or_a_number(api: Served, priority: object) -> None:
    made = await api.client.post("/v1/tasks", json={"name": "a", "priority": priority})

    assert made.json()["priority"] == "critical"


async def test_a_delay_counts_from_the_database_s_now(api: Served) -> None:
    await api.move_clock(timedelta(hours=3))

    task = (await api.client.post("/v1/tasks", json={"name": "a", "delay_seconds": 60})).json()

    created, visible = (datetime.fromisoformat(task[key]) for key in ("created_at", "visible_at"))
    assert visible - created == timedelta(seconds=60)
    assert created > datetime.now(UTC) + timedelta(hours=2)
    assert task["status"] == "scheduled"


async def test_a_run_time_keeps_its_instant_whatever_its_offset(api: Served) -> None:
    task = (await api.client.post("/v1/tasks", json={"name": "a", "run_at": "2999-01-01T02:00:00+02:00"})).json()

    assert task["visible_at"] == "2999-01-01T00:00:00Z"


async def test_a_unique_key_answers_with_the_earlier_task(api: Served) -> None:
    first = await api.client.post("/v1/tasks", json={"name": "a", "unique_key": "k"})
    second = await api.client.post("/v1/tasks", json={"name": "a", "unique_key": "k", "payload": {"x": 1}})
    replaced = await api.client.post(
        "/v1/tasks", json={"name": "a", "unique_key": "k", "payload": {"x": 2}, "on_duplicate": "replace"}
    )
    refused = await api.client.post("/v1/tasks", json={"name": "a", "unique_key": "k", "on_duplicate": "refuse"})

    assert (first.status_code, second.status_code, replaced.status_code) == (201, 200, 200)
    assert first.json()["id"] == second.json()["id"] == replaced.json()["id"]
    assert second.json()["payload"] == {}
    assert replaced.json()["payload"] == {"x": 2}
    assert_problem(refused, 409, "duplicate-task")


async def test_an_id_is_taken_once(api: Served) -> None:
    body = {"name": "a", "id": str(new_id())}
    assert (await api.client.post("/v1/tasks", json=body)).status_code == 201

    assert_problem(await api.client.post("/v1/tasks", json=body), 409, "already-exists")


@pytest.mark.parametrize("keys", [{}, {"unique_key": "u"}])
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/tasks/batch"])
async def test_an_id_is_taken_once_though_its_task_has_finished(api: Served, path: str, keys: dict[str, str]) -> None:
    task_id = await api.enqueue()
    await api.client.post(f"/v1/tasks/{task_id}/cancel")
    body = {"name": "a", "id": str(task_id), **keys}
    refused = await api.client.post(path, json=body if path == "/v1/tasks" else {"tasks": [{"name": "b"}, body]})
    assert str(task_id) in assert_problem(refused, 409, "already-exists")["detail"]


async def test_a_task_that_has_not_changed_is_not_sent_again(api: Served) -> None:
    where = f"/v1/tasks/{await api.enqueue()}"
    etag = (await api.client.get(where)).headers["etag"]
    assert etag.startswith('W/"')

    for sent in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = await api.client.get(where, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)

    await api.client.patch(where, json={"priority": "low"})
    changed = await api.client.get(where, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_a_waiting_task_is_cancelled_at_once_and_a_running_one_is_asked(api: Served) -> None:
    waiting = await api.enqueue()
    cancelled = await api.client.post(f"/v1/tasks/{waiting}/cancel", json={"reason": "not needed"})
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["task"]["status"] == "cancelled"
    assert cancelled.json()["task"]["error"] == "not needed"

    running = await api.enqueue()
    await api.claim()
    asked = await api.client.post(f"/v1/tasks/{running}/cancel")
    assert asked.json()["status"] == "cancel_requested"
    assert asked.json()["task"]["status"] == "running"
    assert asked.json()["task"]["cancel_requested_at"] is not None

    assert_problem(await api.client.post(f"/v1/tasks/{waiting}/cancel"), 409, "task-not-cancellable")


async def test_a_dead_task_is_redriven_and_a_live_one_is_not(api: Served) -> None:
    dead = await api.bury()
    redriven = await api.client.post(f"/v1/tasks/{dead}/redrive")

    assert redriven.status_code == 200
    assert redriven.json() | {"id": dead, "status": "ready", "attempt": 0} == redriven.json()
    assert_problem(await api.client.post(f"/v1/tasks/{dead}/redrive"), 409, "task-not-redrivable")


async def test_priority_and_run_time_change_while_a_task_waits(api: Served) -> None:
    where = f"/v1/tasks/{await api.enqueue(delay=3600)}"

    sooner = await api.client.patch(where, json={"priority": "critical", "delay_seconds": 0})
    assert sooner.json() | {"priority": "critical", "status": "ready"} == sooner.json()
    later = await api.client.patch(where, json={"run_at": "2999-01-01T00:00:00Z"})
    assert later.json() | {"status": "scheduled", "visible_at": "2999-01-01T00:00:00Z"} == later.json()
    past = await api.client.patch(where, json={"run_at": "1999-01-01T00:00:00Z"})
    assert past.json()["status"] == "ready"
    assert datetime.fromisoformat(past.json()["visible_at"]).year > 2000

    await api.claim(priority=0)
    assert_problem(await api.client.patch(where, json={"priority": 1}), 409, "task-not-changeable")
    assert (await api.client.get(where)).json()["priority"] == "critical"


async def test_attempts_reasons_and_children_can_be_asked_for(api: Served) -> None:
    dead = await api.bury()
    for _ in range(3):
        await api.enqueue("child", parent_id=UUID(dead))

    attempts = (await api.client.get(f"/v1/tasks/{dead}/executions")).json()["items"]
    assert [(a["attempt"], a["outcome"], a["error"]) for a in attempts] == [(1, "failed", "boom")]
    assert attempts[0]["traceback"].startswith("Traceback")
    reasons = (await api.client.get(f"/v1/tasks/{dead}/explain")).json()["items"]
    assert reasons[0]["code"] == "dead"
    children = (await api.client.get(f"/v1/tasks/{dead}/children")).json()
    assert children == {"total": 3, "by_status": {"ready": 3}}


async def test_of_many_attempts_the_latest_are_told_up_to_a_bound(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = await api.enqueue()
    await api.query(FIVE_ATTEMPTS, {"task_id": task_id})

    async def attempts(query: str = "") -> tuple[list[int], int]:
        answer = (await api.client.get(f"/v1/tasks/{task_id}/executions{query}")).json()
        return [one["attempt"] for one in answer["items"]], answer["earlier"]

    assert await attempts() == ([1, 2, 3, 4, 5], 0)
    assert await attempts("?limit=2") == ([4, 5], 3)
    monkeypatch.setitem(inspect.latest_executions.__kwdefaults__, "max_bytes", 250)
    assert await attempts() == ([3, 4, 5], 2)
    for wrong in (0, 1_001):
        answer = await api.client.get(f"/v1/tasks/{task_id}/executions?limit={wrong}")
        assert_problem(answer, 422, "invalid-argument")


async def test_all_routes_of_an_absent_task_are_404(api: Served) -> None:
    where = f"/v1/tasks/{new_id()}"
    for route in ("", "/executions", "/steps", "/explain", "/children"):
        assert_problem(await api.client.get(where + route), 404, "not-found")
    for route in ("/cancel", "/redrive"):
        assert_problem(await api.client.post(where + route), 404, "not-found")
    assert_problem(await api.client.patch(where, json={"priority": 1}), 404, "not-found")
    assert_problem(await api.client.get(where.replace("tasks", "dead-letters")), 404, "not-found")


async def test_what_is_done_to_a_task_is_audited_with_key_and_request(api: Served) -> None:
    task_id = await api.enqueue()
    await api.client.patch(f"/v1/tasks/{task_id}", json={"priority": 0}, headers={"X-Request-Id": "first"})
    await api.client.post(f"/v1/tasks/{task_id}/cancel", headers={"X-Request-Id": "second"})

    entries = (await api.client.get(f"/v1/audit?subject_kind=task&subject_id={task_id}")).json()["items"]

    assert [(e["action"], e["request_id"]) for e in entries] == [("task.cancel", "second"), ("task.change", "first")]
    assert all(e["actor"].startswith("key:") for e in entries)
