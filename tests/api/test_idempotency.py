"""`Idempotency-Key`: one request, one task, however often and however concurrently it is sent."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import psycopg
from tests.api.served import Served, assert_problem
from tests.harness.installation import settings_for

from rowlock import Rowlock

BODY = {"name": "pay", "payload": {"amount": 5}}


async def send(api: Served, key: str, body: dict[str, object] | None = None) -> httpx.Response:
    return await api.client.post("/v1/tasks", json=BODY if body is None else body, headers={"Idempotency-Key": key})


async def test_the_same_request_is_answered_with_the_same_task(api: Served) -> None:
    first = await send(api, '"8e03978e-40d5"')
    second = await send(api, '"8e03978e-40d5"')
    bare = await send(api, "8e03978e-40d5")

    assert [r.status_code for r in (first, second, bare)] == [201, 200, 200]
    assert first.json()["idempotency_key"] == "8e03978e-40d5"
    assert {r.json()["id"] for r in (first, second, bare)} == {first.json()["id"]}
    assert second.headers["location"] == first.headers["location"]
    assert await api.count_tasks() == 1


async def test_the_answer_is_the_task_as_it_is_now(api: Served) -> None:
    task_id = (await send(api, "k")).json()["id"]
    await api.client.post(f"/v1/tasks/{task_id}/cancel")

    assert (await send(api, "k")).json() | {"id": task_id, "status": "cancelled"} == (await send(api, "k")).json()


async def test_another_request_under_the_key_is_refused(api: Served) -> None:
    await send(api, "k")
    for other in ({**BODY, "payload": {"amount": 6}}, {**BODY, "name": "refund"}, {**BODY, "priority": "high"}):
        assert_problem(await send(api, "k", other), 422, "idempotency-key-reused")
    assert await api.count_tasks() == 1


async def test_of_concurrent_requests_one_makes_the_task(api: Served) -> None:
    answers = await asyncio.gather(*(send(api, "k") for _ in range(20)))

    assert sorted(r.status_code for r in answers) == [200] * 19 + [201]
    assert len({r.json()["id"] for r in answers}) == 1
    assert await api.count_tasks() == 1


async def test_a_request_that_is_still_under_way_elsewhere_is_409(api: Served, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as elsewhere:
        await elsewhere.execute("SELECT rowlock.enqueue('pay', '{\"amount\": 5}', idempotency_key => 'k')")

        waiting = await send(api, "k")
        assert_problem(waiting, 409, "idempotency-in-progress")
        assert waiting.headers["retry-after"] == "1"
        assert (await send(api, "another")).status_code == 201
        await elsewhere.rollback()
    assert (await send(api, "k")).status_code == 201


async def test_a_refused_request_leaves_its_key_free(api: Served) -> None:
    assert_problem(await send(api, "k", {"name": ""}), 422, "invalid-argument")

    assert (await send(api, "k")).status_code == 201


async def test_a_key_may_be_used_anew_after_its_time(api: Served) -> None:
    first = await send(api, "k")
    await api.move_clock(timedelta(hours=api.database.settings.idempotency_hours, minutes=1))
    second = await send(api, "k", {**BODY, "payload": {"amount": 7}})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


async def test_a_key_that_cannot_be_read_is_400(api: Served) -> None:
    wrong = ["", '""', '"open', 'in"side', '"a\\b"', "x" * 256, '"' + "x" * 256 + '"', "a\tb"]
    for key in wrong:
        assert_problem(await send(api, key), 400, "malformed-header", field="Idempotency-Key")
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *api.client.headers.items()]
    refused = await api.client.post("/v1/tasks", json=BODY, headers=twice)
    assert_problem(refused, 400, "malformed-header", field="Idempotency-Key")
    assert await api.count_tasks() == 0


async def test_a_quoted_key_may_hold_escapes(api: Served) -> None:
    made = await send(api, r'"say \"hi\" \\ bye"')

    assert made.json()["idempotency_key"] == r'say "hi" \ bye'
    assert (await send(api, '"' + "x" * 255 + '"')).status_code == 201


async def test_a_batch_has_its_keys_in_its_tasks(api: Served) -> None:
    batch = {"tasks": [{"name": "a", "idempotency_key": "1"}, {"name": "b"}, {"name": "c", "idempotency_key": "2"}]}
    first = (await api.client.post("/v1/tasks/batch", json=batch)).json()["items"]
    second = (await api.client.post("/v1/tasks/batch", json=batch)).json()["items"]

    assert [item["created"] for item in first] == [True, True, True]
    assert [item["created"] for item in second] == [False, True, False]
    assert (second[0]["id"], second[2]["id"]) == (first[0]["id"], first[2]["id"])
    headed = await api.client.post("/v1/tasks/batch", json=batch, headers={"Idempotency-Key": "x"})
    assert_problem(headed, 400, "malformed-header", field="Idempotency-Key")


async def test_a_batch_is_stored_whole_or_not_at_all(api: Served) -> None:
    await send(api, "k")
    batch = {"tasks": [{"name": "a"}, {"name": "other", "idempotency_key": "k"}]}

    assert_problem(await api.client.post("/v1/tasks/batch", json=batch), 422, "idempotency-key-reused")
    assert await api.count_tasks() == 1
    large = {"tasks": [{"name": "a"}] * (api.database.settings.max_batch + 1)}
    assert_problem(await api.client.post("/v1/tasks/batch", json=large), 422, "invalid-argument", field="tasks")
    assert_problem(await api.client.post("/v1/tasks/batch", json={"tasks": []}), 422, "invalid-argument", field="tasks")
    assert await api.count_tasks() == 1


async def test_python_rest_and_sql_know_each_other_s_keys(api: Served, database_url: str) -> None:
    """Where they say the same, whoever came first, and whatever defaults a worker registered in between."""
    due = datetime(2030, 7, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    said: dict[str, dict[str, Any]] = {"bare": {}, "more": {"run_at": due, "priority": "high", "tags": ["a"]}}

    async def by_python(key: str) -> str:
        async with Rowlock(settings=settings_for(database_url)) as app:
            return str((await app.enqueue("pay", {"amount": 5}, idempotency_key=key, **said[key])).id)

    async def by_rest(key: str) -> str:
        body = {"run_at": due.isoformat()} if key == "more" else {}
        return str((await send(api, key, {**BODY, **said[key], **body})).json()["id"])

    async def by_sql(key: str) -> str:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as link:
            cursor = await link.execute(
                "SELECT rowlock.enqueue('pay', '{\"amount\": 5}', idempotency_key => %s::text, run_at => %s,"
                " priority => %s::text, tags => %s)",
                [key, *(said[key].get(option) for option in ("run_at", "priority", "tags"))],
            )
            return str((await cursor.fetchone() or [None])[0])

    ways = [by_python, by_rest, by_sql]
    for key in said:
        for first in range(len(ways)):
            await api.query("DELETE FROM rowlock.idempotency_keys")
            made = [await way(key) for way in ways[first:] + ways[:first]]
            assert made == made[:1] * 3
    await api.register("pay", queue="bulk", priority=3, max_attempts=2)
    assert await by_sql("more") == await by_rest("more") == made[0]
