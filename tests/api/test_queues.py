"""Queues over REST: depth and lag, pauses, settings, limits; workers and handlers."""

from __future__ import annotations

from datetime import timedelta

from tests.api.served import Served, assert_problem

from rowlock.engine.rescue import rescue_abandoned


async def test_a_queue_tells_its_depth_lag_and_dead_letters(api: Served) -> None:
    await api.enqueue(queue="q")
    await api.enqueue(queue="q", delay=3600 * 24)
    await api.bury(queue="q")
    await api.enqueue(queue="q")
    await api.claim(room=1, queue="q", lease_seconds=86_400)
    await api.move_clock(timedelta(minutes=10))

    queue = (await api.client.get("/v1/queues/q")).json()

    assert queue["depth"] == {"ready": 1, "scheduled": 1, "retrying": 0, "running": 1, "orphaned": 0, "blocked": 0}
    assert 600 <= queue["lag_seconds"] < 660
    assert queue["dead_letters"] == 1
    listed = (await api.client.get("/v1/queues")).json()["items"]
    assert listed == [queue | {"lag_seconds": listed[0]["lag_seconds"]}]


async def test_a_queue_is_known_by_tasks_settings_workers_or_handlers(api: Served) -> None:
    assert_problem(await api.client.get("/v1/queues/unheard-of"), 404, "not-found")
    await api.enqueue(queue="by-task")
    await api.client.put("/v1/queues/by-setting", json={"description": "x"})
    await api.register("h", queue="by-handler")
    await api.query(
        "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at)"
        " VALUES ('w', 'h', 1, '1', '{by-worker}', 1, rowlock.clock() + interval '1 minute')"
    )

    known = {one["name"]: one for one in (await api.client.get("/v1/queues")).json()["items"]}

    assert known.keys() == {"by-task", "by-setting", "by-handler", "by-worker"}
    assert (known["by-worker"]["workers"], known["by-handler"]["handlers"]) == (1, 1)
    for name in known:
        assert (await api.client.get(f"/v1/queues/{name}")).status_code == 200


async def test_a_paused_queue_is_not_claimed_from_until_it_is_resumed(api: Served) -> None:
    paused = await api.client.post("/v1/queues/q/pause")
    assert paused.json()["paused"] is True
    assert paused.json()["paused_by"].startswith("key:")
    await api.enqueue(queue="q")
    assert await api.claim(queue="q") == []
    again = await api.client.post("/v1/queues/q/pause")
    assert again.json()["paused_at"] == paused.json()["paused_at"]

    resumed = await api.client.post("/v1/queues/q/resume")
    assert (resumed.status_code, resumed.json()["paused"]) == (200, False)
    assert (await api.client.post("/v1/queues/q/resume")).status_code == 200
    assert len(await api.claim(queue="q")) == 1
    assert_problem(await api.client.post("/v1/queues/unheard-of/resume"), 404, "not-found")


async def test_a_queue_is_set_as_a_whole_and_keeps_its_pause(api: Served) -> None:
    where = "/v1/queues/q"
    made = await api.client.put(where, json={"description": "d", "retention_dead_days": 90})
    assert made.status_code == 201
    assert made.json() | {"description": "d", "retention_dead_days": 90, "retention_succeeded_days": 7} == made.json()
    await api.client.post(f"{where}/pause")

    changed = await api.client.put(where, json={"retention_succeeded_days": 1})
    assert changed.status_code == 200
    expected = {"description": None, "retention_dead_days": 30, "retention_succeeded_days": 1, "paused": True}
    assert changed.json() | expected == changed.json()
    for body in ({"retention_dead_days": 0}, {"retention_dead_days": 366}, {"description": 1}, {"paused": True}):
        assert_problem(await api.client.put(where, json=body), 422, "invalid-argument")


async def test_a_row_for_all_tenants_lends_its_pause_and_description_and_no_retention(api: Served) -> None:
    await api.query(
        "INSERT INTO rowlock.queues (tenant_id, name, description, paused_at, retention_dead_days)"
        " VALUES ('*', 'q', 'for all', rowlock.clock(), 90)"
    )
    queue = (await api.client.get("/v1/queues/q")).json()
    assert (queue["paused"], queue["description"], queue["retention_dead_days"]) == (True, "for all", 30)
    own = (await api.client.put("/v1/queues/q", json={"description": "own", "retention_dead_days": 60})).json()
    assert (own["paused"], own["description"], own["retention_dead_days"]) == (True, "own", 60)


async def test_lanes_are_capped_and_freed(api: Served) -> None:
    where = "/v1/queues/q/limits"
    await api.client.put(where, json={"max_running": 3})
    await api.client.put(where, json={"max_running": 1, "flow_key": "shop"})
    changed = await api.client.put(where, json={"max_running": 2, "flow_key": "shop"})

    assert changed.json()["max_running"] == 2
    limits = (await api.client.get(where)).json()["items"]
    assert [(one["flow_key"], one["max_running"]) for one in limits] == [(None, 3), ("shop", 2)]
    assert (await api.client.delete(where, params={"flow_key": "shop"})).status_code == 204
    assert_problem(await api.client.delete(where, params={"flow_key": "shop"}), 404, "not-found")
    assert (await api.client.delete(where)).status_code == 204
    assert (await api.client.get(where)).json()["items"] == []
    assert_problem(await api.client.put(where, json={"max_running": -1}), 422, "invalid-argument", field="max_running")


async def test_workers_are_for_admins_and_handlers_for_all(api: Served) -> None:
    await api.query(
        "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at)"
        " VALUES ('w', 'h', 7, '1', '{default}', 5, rowlock.clock() + interval '1 minute'),"
        "        ('g', 'h', 8, '1', '{default}', 5, rowlock.clock() - interval '1 minute')"
    )
    await api.register("reports/monthly", '{"type": "object"}', description="Reports.")
    reader = await api.client_for("write")
    assert (await rescue_abandoned(api.database)).workers_gone == 1

    workers = (await api.client.get("/v1/workers")).json()["items"]
    assert [(one["name"], one["health"]) for one in workers] == [("g", "gone"), ("w", "healthy")]
    gone = (await api.client.get("/v1/workers?health=gone")).json()["items"]
    assert [one["name"] for one in gone] == ["g"]
    either = (await api.client.get("/v1/workers?health=gone&health=healthy&limit=1")).json()
    rest = {"health": ["healthy", "gone"], "cursor": either["next_cursor"]}
    assert [one["name"] for one in either["items"]] == ["g"]
    assert [one["name"] for one in (await api.client.get("/v1/workers", params=rest)).json()["items"]] == ["w"]
    assert_problem(await api.client.get("/v1/workers?health=gone&health=merry"), 422, "invalid-argument")
    assert_problem(await reader.get("/v1/workers"), 403, "forbidden")
    handlers = (await reader.get("/v1/handlers")).json()["items"]
    assert [one["name"] for one in handlers] == ["reports/monthly"]
    one = await reader.get("/v1/handlers/reports/monthly")
    assert one.json() == handlers[0]
    assert one.json()["payload_schema"] == {"type": "object"}
    assert_problem(await reader.get("/v1/handlers/absent"), 404, "not-found")
