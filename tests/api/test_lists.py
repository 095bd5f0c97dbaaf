"""Lists: filters, order, and cursors that hold while tasks come, change and go."""

from __future__ import annotations

from typing import Any

from tests.api.served import Served, assert_problem

from rowlock.api.pagination import make_cursor
from rowlock.api.tasks.query import TaskQuery
from rowlock.domain.ids import new_id
from rowlock.store import leases


async def ids(api: Served, query: str = "") -> list[str]:
    answer = await api.client.get(f"/v1/tasks{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def all_pages(api: Served, path: str, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await api.client.get(path, params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def test_each_status_finds_its_tasks_and_no_others(api: Served) -> None:
    made = {
        "scheduled": await api.enqueue("a", delay=3600),
        "ready": await api.enqueue("a", queue="q"),
        "running": await api.enqueue("a", queue="running"),
        "retrying": await api.enqueue("a", queue="retrying"),
        "succeeded": await api.enqueue("a", queue="succeeded"),
        "dead": await api.bury("a", queue="dead"),
        "cancelled": await api.enqueue("a", queue="cancelled"),
        "blocked": await api.enqueue("a", queue="blocked"),
    }
    (await api.claim(queue="running"))[0]
    retrying, succeeded = (await api.claim(queue="retrying"))[0], (await api.claim(queue="succeeded"))[0]
    failed = leases.FailedAttempt(retrying.id, retrying.lease_token, "failed", "error", "x", None, 600)
    await leases.retry(api.database, [failed], worker_id=1)
    await leases.complete(api.database, [succeeded.id], [succeeded.lease_token])
    await api.client.post(f"/v1/tasks/{made['cancelled']}/cancel")
    await api.query(
        "UPDATE rowlock.tasks_live SET status = 'blocked', visible_at = '9999-12-31 00:00+00' WHERE id = %(id)s",
        {"id": made["blocked"]},
    )

    for status, task_id in made.items():
        assert await ids(api, f"?status={status}") == [str(task_id)], status
        task = (await api.client.get(f"/v1/tasks/{task_id}")).json()
        assert task["status"] == status
        assert (task["visible_at"] is None) == (status == "blocked")
        assert (task["expires_on"] is None) == (status not in {"succeeded", "dead", "cancelled"})
    assert len(await ids(api)) == 8
    assert len(await ids(api, "?status=ready&status=dead&status=blocked")) == 3
    assert len(await ids(api, "?status=succeeded&status=dead")) == 2


async def test_filters_are_joined_by_and(api: Served) -> None:
    parent = new_id()
    one = str(await api.enqueue("a", queue="q", tags=["x", "y"], parent_id=parent))
    two = str(await api.enqueue("b", queue="q", tags=["y"]))
    three = str(await api.enqueue("a", queue="r"))

    assert await ids(api, "?queue=q") == [two, one]
    assert await ids(api, "?name=a") == [three, one]
    assert await ids(api, "?tag=y") == [two, one]
    assert await ids(api, "?tag=x&name=a&queue=q&status=ready") == [one]
    assert await ids(api, f"?parent_id={parent}") == [one]
    assert await ids(api, f"?schedule_id={parent}") == []


async def test_pages_hold_while_tasks_come_and_end(api: Served) -> None:
    made = [str(await api.enqueue("a")) for _ in range(10)]
    first = (await api.client.get("/v1/tasks?limit=4")).json()
    assert [item["id"] for item in first["items"]] == made[:5:-1]

    await api.enqueue("a")  # newer than the first page
    await api.client.post(f"/v1/tasks/{made[5]}/cancel")  # moves to another partition
    await api.client.post(f"/v1/tasks/{made[9]}/cancel")
    second = (await api.client.get("/v1/tasks", params={"limit": 4, "cursor": first["next_cursor"]})).json()
    third = (await api.client.get("/v1/tasks", params={"limit": 4, "cursor": second["next_cursor"]})).json()

    assert [item["id"] for item in second["items"]] == made[5:1:-1]
    assert [item["id"] for item in third["items"]] == made[1::-1]
    assert third["next_cursor"] is None


FILTERS = ("queue", "name", "tag", "parent_id", "schedule_id")


async def test_the_oldest_come_first_where_they_are_asked_for(api: Served) -> None:
    made = [str(await api.enqueue("a")) for _ in range(5)]
    await api.enqueue("b")
    oldest = {"name": "a", "order": "oldest", "limit": 3}
    first = (await api.client.get("/v1/tasks", params=oldest)).json()
    assert [item["id"] for item in first["items"]] == made[:3]

    made.append(str(await api.enqueue("a")))
    await api.client.post(f"/v1/tasks/{made[3]}/cancel")  # moves to another partition
    second = (await api.client.get("/v1/tasks", params={**oldest, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in second["items"]] == made[3:]
    assert second["next_cursor"] is None
    assert await ids(api, "?name=a&order=newest") == made[::-1]

    before = make_cursor("tasks", {**dict.fromkeys(FILTERS), "status": [], "name": "a"}, made[1])
    assert await ids(api, f"?name=a&cursor={before}") == made[:1], "as a version made it that knew no order"
    other_way = await api.client.get("/v1/tasks", params={"name": "a", "cursor": first["next_cursor"]})
    assert_problem(other_way, 422, "invalid-cursor", field="cursor")
    assert_problem(await api.client.get("/v1/tasks?order=random"), 422, "invalid-argument", field="order")


async def test_every_list_is_whole_whatever_its_page_size(api: Served) -> None:
    for n in range(5):
        await api.bury(f"dead{n}")
        await api.client.post("/v1/keys", json={"name": f"key{n}"})
        await api.client.post("/v1/schedules", json={"name": f"s{n}", "task_name": "a", "interval_seconds": 60})
        await api.query(
            "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at)"
            " VALUES ('w', 'h', 1, '1', '{default}', 1, rowlock.clock() + interval '1 minute')"
        )
    for path, key in {
        "/v1/tasks": "id",
        "/v1/dead-letters": "id",
        "/v1/keys": "id",
        "/v1/schedules": "name",
        "/v1/workers": "id",
    }.items():
        whole = [item[key] for item in await all_pages(api, path, 200)]
        assert len(whole) == len(set(whole)) >= 5, path
        for limit in (1, 2, 5):
            assert [item[key] for item in await all_pages(api, path, limit)] == whole, (path, limit)


async def test_a_cursor_serves_its_own_list_and_filters_only(api: Served) -> None:
    for _ in range(3):
        await api.bury("a")
    cursor = (await api.client.get("/v1/tasks?limit=1")).json()["next_cursor"]

    assert (await api.client.get("/v1/tasks", params={"cursor": cursor})).status_code == 200
    for path in ("/v1/tasks?name=a&", "/v1/dead-letters?", "/v1/keys?", "/v1/workers?"):
        refused = await api.client.get(f"{path}cursor={cursor}")
        assert_problem(refused, 422, "invalid-cursor", field="cursor")


async def test_a_made_up_position_is_an_invalid_cursor(api: Served) -> None:
    task_id = await api.enqueue("a")
    await api.client.post("/v1/schedules", json={"name": "s", "task_name": "a", "interval_seconds": 60})
    none: dict[str, Any] = {}
    by_health, by_kind = {"health": []}, {"queue": None, "name": None}
    of_tasks = TaskQuery().filters()
    made_up = {
        "/v1/tasks": ("tasks", of_tasks, ["", "x", "7", "[]"]),
        "/v1/dead-letters": ("dead-letters", by_kind, ["", "x"]),
        "/v1/workers": ("workers", by_health, ["", "x", "0", "-1", "1.5", "2147483648", "9" * 600]),
        "/v1/keys": ("keys", none, ["\0"]),
        "/v1/schedules": ("schedules", none, ["\0", "a\0b"]),
        "/v1/schedules/s/windows": ("windows of s", none, ["", "x", "2030-13-01", "10000-01-01T00:00:00Z"]),
        f"/v1/tasks/{task_id}/steps": (
            f"steps of {task_id}",
            none,
            [
                "", "x", "7", "{}", "[]", '["x", "a", 1]', '[7, "a", 1]', '["2030-01-01T00:00:00Z", "a", "1"]',
                '["2030-01-01T00:00:00Z", 7, 1]', '["2030-01-01T00:00:00Z", "\\u0000", 1]',
                '["2030-01-01T00:00:00Z", "a", 2147483648]', '["2030-01-01T00:00:00Z", "a", null]',
            ],
        ),
    }  # fmt: skip
    for path, (listing, filters, positions) in made_up.items():
        for position in positions:
            cursor = make_cursor(listing, filters, position)
            refused = await api.client.get(path, params={"cursor": cursor})
            assert refused.status_code == 422, (path, position, refused.text)
            assert_problem(refused, 422, "invalid-cursor", field="cursor")


async def test_what_is_too_large_for_a_list_is_left_out_and_named(api: Served) -> None:
    large = str(await api.enqueue("a", payload={"x": "y" * 20_000}))
    small = str(await api.enqueue("a", payload={"x": "y"}))

    items = {item["id"]: item for item in (await api.client.get("/v1/tasks")).json()["items"]}

    assert (items[large]["payload"], items[large]["omitted"]) == ({}, ["payload"])
    assert (items[small]["payload"], items[small]["omitted"]) == ({"x": "y"}, [])
    assert len((await api.client.get(f"/v1/tasks/{large}")).json()["payload"]["x"]) == 20_000
