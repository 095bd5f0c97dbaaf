"""A request that is sent again after a deploy is still the same one, though the handler has other defaults by then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.api.served import Served, assert_problem, serving

BODY = {"name": "pay", "payload": {"amount": 5}}
ONE = {"queue": "mail", "priority": 1, "max_attempts": 9, "timeout_seconds": 60.0, "payload_version": 2}
OTHER = {"queue": "bulk", "priority": 3, "max_attempts": 2, "timeout_seconds": None, "payload_version": 3}


async def send(api: Served, body: dict[str, Any], key: str = "k") -> httpx.Response:
    return await api.client.post("/v1/tasks", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("before", [ONE, None], ids=["registered anew", "registered first"])
@pytest.mark.parametrize("said", [{}, {"priority": "high", "tags": ["a"], "delay_seconds": 60}], ids=["bare", "more"])
async def test_a_handler_may_be_deployed_in_between(
    api: Served, database_url: str, before: dict[str, Any] | None, said: dict[str, Any]
) -> None:
    if before:
        await api.register("pay", **before, expires_in_seconds=3_600)
    body = {**BODY, **said}
    first = await send(api, body)
    await api.register("pay", **OTHER, expires_in_seconds=7_200)
    async with serving(database_url) as after:  # the first goes on with what it remembers
        assert (await send(after, {**BODY, "payload": {"amount": 1}}, "another")).json()["queue"] == "bulk"
        again = await send(after, body)

    assert [r.status_code for r in (first, again)] == [201, 200]
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["queue"] == (before or {"queue": "default"})["queue"]


async def test_a_batch_may_be_sent_again_too(api: Served, database_url: str) -> None:
    batch = {"tasks": [{**BODY, "idempotency_key": "1"}, {**BODY, "idempotency_key": "2", "max_attempts": 4}]}
    first = (await api.client.post("/v1/tasks/batch", json=batch)).json()["items"]
    await api.register("pay", **OTHER)
    async with serving(database_url) as after:
        again = (await after.client.post("/v1/tasks/batch", json=batch)).json()["items"]

    assert [item["id"] for item in again] == [item["id"] for item in first]
    assert [item["created"] for item in again] == [False, False]


@pytest.mark.parametrize(
    "other",
    [{"payload": {"amount": 6}}, {"queue": "bulk"}, {"max_attempts": 2}, {"max_attempts": 5}, {"tags": ["b"]}],
    ids=str,
)
async def test_what_says_another_thing_is_refused_as_ever(
    api: Served, database_url: str, other: dict[str, Any]
) -> None:
    """Also where it says just what the handler's defaults are by now: the first task has others."""
    await api.register("pay", **ONE)
    await send(api, BODY)
    await api.register("pay", **OTHER)
    async with serving(database_url) as after:
        assert_problem(await send(after, {**BODY, **other}), 422, "idempotency-key-reused")
    assert await api.count_tasks() == 1


async def test_saying_what_the_default_is_asks_for_the_same(api: Served, database_url: str) -> None:
    """Whoever said it, it comes to the same task, and so it is while that is the default."""
    await api.register("pay", **ONE)
    first = await send(api, BODY)
    outspoken = {**BODY, "queue": "mail", "max_attempts": 9}
    same = await send(api, outspoken)
    await api.register("pay", **OTHER)
    async with serving(database_url) as after:
        later = await send(after, outspoken)

    assert (same.status_code, same.json()["id"]) == (200, first.json()["id"])
    assert_problem(later, 422, "idempotency-key-reused")


STRICTER = '{"properties": {"amount": {"maximum": 4}}}'


async def test_what_was_taken_is_not_held_to_a_schema_that_came_later(api: Served, database_url: str) -> None:
    await api.register("pay")
    first = await send(api, BODY)
    await api.register("pay", STRICTER)
    async with serving(database_url) as after:
        again = await send(after, BODY)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
        assert_problem(await send(after, {**BODY, "payload": {"amount": 6}}), 422, "idempotency-key-reused")
        for refused in (await send(after, BODY, "new"), await after.client.post("/v1/tasks", json=BODY)):
            assert_problem(refused, 422, "invalid-payload", field="payload.amount")
        batch = {"tasks": [{**BODY, "idempotency_key": key} for key in ("k", "new")]}
        refused = await after.client.post("/v1/tasks/batch", json=batch)
        assert_problem(refused, 422, "invalid-payload", field="tasks.1.payload.amount")
        other_tenant = await after.client_for("write", tenant="acme")
        theirs = await other_tenant.post("/v1/tasks", json=BODY, headers={"Idempotency-Key": "k"})
        assert_problem(theirs, 422, "invalid-payload")
        await after.move_clock(timedelta(hours=api.database.settings.idempotency_hours))
        assert_problem(await send(after, BODY), 422, "invalid-payload")
    assert await api.count_tasks() == 1


@pytest.mark.parametrize("known", [True, False])
async def test_nor_to_what_a_strict_installation_asks(api: Served, database_url: str, known: bool) -> None:
    """Whether it misses the queue or the handler."""
    body = {**BODY, "queue": "nowhere"}
    first = await send(api, body)
    if known:
        await api.register("pay")
    async with serving(database_url, strict=True) as after:
        again = await send(after, body)
        refused = await send(after, body, "new")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert_problem(refused, 422, "unknown-queue" if known else "unknown-handler")
