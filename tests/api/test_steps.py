"""Durable steps over REST: what each returned, in pages, for their tenant alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.served import Served, assert_problem
from tests.harness.installation import TENANT

from rowlock.domain.steps import StepName
from rowlock.engine import inspect
from rowlock.store import leases, steps
from rowlock.store.steps import FinishedStep


async def take_steps(api: Served, *results: str, tenant: str = TENANT) -> str:
    """A running task with as many steps; its id."""
    task_id = await api.enqueue(tenant=tenant)
    [task] = await api.claim(lane=tenant)
    for occurrence, result in enumerate(results, 1):
        done = FinishedStep(StepName("page", occurrence), result, 0.25)
        await steps.record_step(api.database, tenant, task.id, task.lease_token, done)
    return str(task_id)


async def pages(api: Served, task_id: str, limit: int) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        page = (await api.client.get(f"/v1/tasks/{task_id}/steps", params=query)).json()
        found.append(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_steps_are_listed_with_what_they_returned(api: Served) -> None:
    task_id = await take_steps(api, '{"n": [1, 2.5]}', "null")
    answer = await api.client.get(f"/v1/tasks/{task_id}/steps")
    assert answer.status_code == 200
    newest, first = answer.json()["items"]
    assert (
        first | {"name": "page", "occurrence": 1, "result": {"n": [1, 2.5]}, "attempt": 1, "run_seconds": 0.25} == first
    )
    assert first["recorded_at"].endswith("Z")
    assert (newest["occurrence"], newest["result"]) == (2, None)
    assert answer.json()["next_cursor"] is None
    without = await api.client.get(f"/v1/tasks/{await api.enqueue()}/steps")
    assert without.json() == {"items": [], "next_cursor": None}


async def test_pages_are_whole_whatever_their_size(api: Served) -> None:
    task_id = await take_steps(api, *(str(number) for number in range(7)))
    [whole] = await pages(api, task_id, 200)
    assert [step["result"] for step in whole] == [6, 5, 4, 3, 2, 1, 0]
    for limit, sizes in {1: [1] * 7, 3: [3, 3, 1], 7: [7]}.items():
        found = await pages(api, task_id, limit)
        assert [len(page) for page in found] == sizes
        assert [step for page in found for step in page] == whole


async def test_large_results_end_a_page_early_and_are_all_there(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(inspect.list_steps.__kwdefaults__, "max_bytes", 1_000)
    task_id = await take_steps(api, *(f'"{"x" * size}"' for size in (5_000, 10, 600, 600, 600)))
    found = await pages(api, task_id, 50)
    assert [[len(step["result"]) for step in page] for page in found] == [[600, 600], [600, 10, 5_000]]


async def test_steps_outlive_the_end_of_their_task(api: Served) -> None:
    task_id = await take_steps(api, "1")
    [(token,)] = await api.query("SELECT lease_token FROM rowlock.tasks_live")
    await leases.complete(api.database, [(await api.query("SELECT id FROM rowlock.tasks"))[0][0]], [token])
    assert (await api.client.get(f"/v1/tasks/{task_id}")).json()["status"] == "succeeded"
    assert len((await api.client.get(f"/v1/tasks/{task_id}/steps")).json()["items"]) == 1


async def test_another_tenant_s_steps_do_not_exist(api: Served) -> None:
    task_id = await take_steps(api, '"secret"', tenant="acme")
    assert_problem(await api.client.get(f"/v1/tasks/{task_id}/steps"), 404, "not-found")
    acme = await api.client_for("read", tenant="acme")
    assert len((await acme.get(f"/v1/tasks/{task_id}/steps")).json()["items"]) == 1


async def test_what_is_asked_wrongly_is_refused(api: Served) -> None:
    task_id, other = await take_steps(api, "1", "2"), await take_steps(api, "1", "2")
    cursor = (await api.client.get(f"/v1/tasks/{task_id}/steps?limit=1")).json()["next_cursor"]
    refused = await api.client.get(f"/v1/tasks/{other}/steps", params={"cursor": cursor})
    assert_problem(refused, 422, "invalid-cursor", field="cursor")
    assert_problem(await api.client.get(f"/v1/tasks/{task_id}/steps?limit=0"), 422, "invalid-argument", field="limit")
    assert_problem(await api.client.get(f"/v1/tasks/{task_id}/steps?offset=3"), 422, "invalid-argument", field="offset")
    assert_problem(await api.client.get("/v1/tasks/nonsense/steps"), 422, "invalid-argument", field="task_id")
