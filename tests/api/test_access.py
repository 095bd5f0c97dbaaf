"""Keys and tenants: who is let in, to what, and that another tenant's things do not exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.api.served import Served, assert_problem
from tests.harness.eventually import eventually

from rowlock.engine.access import authenticate, create_key, revoke_key


async def test_without_a_valid_key_nothing_but_health_answers(api: Served) -> None:
    made = await create_key(api.database, "default", "x", ["read"], "test")
    wrong = [
        None,
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer rlk_",
        f"Bearer rlk_{made.id}_",
        f"Bearer rlk_{made.id}_wrong",
        f"Bearer {made.key}x",
        f"Bearer {made.key[:-1]}",
        f"Basic {made.key}",
        made.key,
        f"Bearer rlk_{'0' * 12}_{made.key[-43:]}",
        f"Bearer {'rlk_' + 'x' * 300}",
    ]
    for header in wrong:
        client = await api.client_with(header)
        refused = await client.get("/v1/tasks")
        assert_problem(refused, 401, "unauthenticated")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/health/live")).status_code == 200
    good = await api.client_with(f"bearer {made.key}")
    assert (await good.get("/v1/tasks")).status_code == 200


async def test_a_refused_request_has_its_body_unread(api: Served) -> None:
    client = await api.client_with(None)
    assert_problem(await client.post("/v1/tasks", content=b"nonsense"), 401, "unauthenticated")
    reader = await api.client_for("read")
    assert_problem(await reader.post("/v1/tasks", content=b"nonsense"), 403, "forbidden")


async def test_each_scope_includes_those_before_it(api: Served) -> None:
    calls = {
        "read": ("GET", "/v1/queues", None),
        "write": ("POST", "/v1/tasks", {"name": "a"}),
        "admin": ("GET", "/v1/keys", None),
    }
    scopes = list(calls)
    for held in scopes:
        client = await api.client_for(held)
        for needed, (method, path, body) in calls.items():
            answer = await client.request(method, path, json=body)
            if scopes.index(held) >= scopes.index(needed):
                assert answer.is_success, (held, needed, answer.text)
            else:
                assert_problem(answer, 403, "forbidden")


async def test_what_belongs_to_another_tenant_does_not_exist(api: Served) -> None:
    other = await api.client_for("admin", tenant="other")
    task = (await api.client.post("/v1/tasks", json={"name": "a", "queue": "private", "tags": ["x"]})).json()["id"]
    dead = await api.bury(queue="graves")
    key = (await api.client.post("/v1/keys", json={"name": "k"})).json()["id"]
    rule = {"name": "nightly", "task_name": "a", "cron": "0 3 * * *"}
    assert (await api.client.post("/v1/schedules", json=rule)).status_code == 201
    await api.client.put("/v1/queues/private/limits", json={"max_running": 1})

    for method, path in [
        ("GET", f"/v1/tasks/{task}"),
        ("GET", f"/v1/tasks/{task}/executions"),
        ("GET", f"/v1/tasks/{task}/explain"),
        ("GET", f"/v1/tasks/{task}/children"),
        ("POST", f"/v1/tasks/{task}/cancel"),
        ("POST", f"/v1/tasks/{dead}/redrive"),
        ("GET", f"/v1/dead-letters/{dead}"),
        ("GET", "/v1/queues/private"),
        ("POST", "/v1/queues/private/resume"),
        ("DELETE", "/v1/queues/private/limits"),
        ("GET", "/v1/schedules/nightly"),
        ("POST", "/v1/schedules/nightly/pause"),
        ("POST", "/v1/schedules/nightly/resume"),
        ("POST", "/v1/schedules/nightly/trigger"),
        ("GET", "/v1/schedules/nightly/windows"),
        ("DELETE", "/v1/schedules/nightly"),
        ("DELETE", f"/v1/keys/{key}"),
    ]:
        assert_problem(await other.request(method, path), 404, "not-found")
    assert_problem(await other.patch(f"/v1/tasks/{task}", json={"priority": 0}), 404, "not-found")
    assert_problem(await other.patch("/v1/schedules/nightly", json={"cron": "1 * * * *"}), 404, "not-found")

    for path in ("/v1/tasks", "/v1/tasks?tag=x", "/v1/dead-letters", "/v1/queues", "/v1/schedules"):
        assert (await other.get(path)).json()["items"] == [], path
    assert [k["tenant_id"] for k in (await other.get("/v1/keys")).json()["items"]] == ["other"]
    assert (await other.get(f"/v1/audit?subject_kind=key&subject_id={key}")).json()["items"] == []
    assert (await other.get("/v1/queues/private/limits")).json()["items"] == []
    assert (await other.post("/v1/dead-letters/redrive")).json()["redriven"] == 0

    assert (await api.client.get(f"/v1/tasks/{task}")).json()["status"] == "ready"
    assert (await api.client.get(f"/v1/dead-letters/{dead}")).json()["status"] == "dead"


async def test_keys_of_two_tenants_do_not_meet(api: Served) -> None:
    other = await api.client_for("admin", tenant="other")
    headers = {"Idempotency-Key": "same"}
    body = {"name": "a", "unique_key": "same"}

    mine = await api.client.post("/v1/tasks", json=body, headers=headers)
    theirs = await other.post("/v1/tasks", json={**body, "payload": {"x": 1}}, headers=headers)

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_pause_holds_the_own_tenant_s_tasks_only(api: Served) -> None:
    other = await api.client_for("admin", tenant="other")
    for client in (api.client, other):
        await client.post("/v1/tasks", json={"name": "a", "queue": "q"})
    await api.client.post("/v1/queues/q/pause")

    assert (await other.get("/v1/queues/q")).json()["paused"] is False
    assert await api.claim(queue="q") == []
    assert len(await api.claim(queue="q", lane="other")) == 1


async def test_a_revoked_key_is_refused_at_once(api: Served) -> None:
    made = (await api.client.post("/v1/keys", json={"name": "short", "scopes": ["read"]})).json()
    client = await api.client_with(f"Bearer {made['key']}")
    assert (await client.get("/v1/tasks")).status_code == 200

    revoked = await api.client.delete(f"/v1/keys/{made['id']}")
    assert revoked.json()["valid"] is False
    assert_problem(await client.get("/v1/tasks"), 401, "unauthenticated")
    assert (await api.client.delete(f"/v1/keys/{made['id']}")).json()["revoked_at"] == revoked.json()["revoked_at"]

    engine_made = await create_key(api.database, "default", "y", ["read"], "test")
    client = await api.client_with(f"Bearer {engine_made.key}")
    assert (await client.get("/v1/tasks")).status_code == 200
    await revoke_key(api.database, None, engine_made.id, "test")
    assert_problem(await client.get("/v1/tasks"), 401, "unauthenticated")


async def test_a_key_revoked_by_another_process_is_refused_within_two_seconds(api: Served) -> None:
    made = await create_key(api.database, "default", "x", ["read"], "test")
    client = await api.client_with(f"Bearer {made.key}")
    assert (await client.get("/v1/tasks")).status_code == 200

    await api.query("UPDATE rowlock.api_keys SET revoked_at = rowlock.clock() WHERE id = %(id)s", {"id": made.id})

    async def refused() -> bool:
        return (await client.get("/v1/tasks")).status_code == 401

    await eventually(refused, within=timedelta(seconds=2))


async def test_a_key_ends_when_it_expires(api: Served) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = (await api.client.post("/v1/keys", json={"name": "brief", "expires_at": soon})).json()
    client = await api.client_with(f"Bearer {made['key']}")
    await api.move_clock(timedelta(hours=2))

    assert_problem(await client.get("/v1/tasks"), 401, "unauthenticated")


async def test_a_key_is_shown_once_and_lists_tell_no_secret(api: Served) -> None:
    created = await api.client.post("/v1/keys", json={"name": "shop", "scopes": ["write", "read", "write"]})
    made = created.json()

    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    assert made["key"].startswith(f"rlk_{made['id']}_")
    assert made["scopes"] == ["read", "write"]
    listed = await api.client.get("/v1/keys")
    assert made["id"] in [key["id"] for key in listed.json()["items"]]
    assert made["key"].rpartition("_")[2] not in listed.text
    stored = await api.query("SELECT key_hash FROM rowlock.api_keys WHERE id = %(id)s", {"id": made["id"]})
    assert len(stored[0][0]) == 32


async def test_a_wrong_key_request_makes_no_key(api: Served) -> None:
    for body in (
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "x", "tenant": "other"},
        {"name": "x", "expires_at": "tomorrow"},
    ):
        assert_problem(await api.client.post("/v1/keys", json=body), 422, "invalid-argument")
    assert len((await api.client.get("/v1/keys")).json()["items"]) == 1


async def test_the_use_of_a_key_is_noted_once_a_minute(api: Served) -> None:
    async def noted() -> datetime:
        used: datetime = (await api.query("SELECT max(last_used_at) FROM rowlock.api_keys"))[0][0]
        return used

    await api.client.get("/v1/queues")
    first = await noted()
    assert first is not None
    key = api.client.headers["Authorization"].removeprefix("Bearer ")
    await authenticate(api.database, key)
    assert await noted() == first
    await api.move_clock(timedelta(minutes=2))
    await api.query("UPDATE rowlock.api_keys SET last_used_at = last_used_at - interval '2 minutes'")
    await authenticate(api.database, key)
    assert await noted() > first


async def test_a_key_learns_whose_it_is(api: Served) -> None:
    made = (await api.client.post("/v1/keys", json={"name": "mine", "scopes": ["write", "read"]})).json()
    answer = await api.client.get("/v1/keys/present", headers={"Authorization": f"Bearer {made['key']}"})
    assert answer.json() == {"id": made["id"], "tenant_id": "default", "name": "mine", "scopes": ["read", "write"]}
