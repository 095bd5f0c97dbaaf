"""Schedules over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from json import dumps
from typing import Any

import pytest
from tests.api.served import Served, assert_problem

NIGHTLY = {
    "name": "nightly",
    "task_name": "report.build",
    "cron": "0 3 * * *",
    "timezone": "Europe/Berlin",
    "payload": {"kind": "daily"},
    "queue": "reports",
    "priority": "low",
    "max_attempts": 2,
    "timeout_seconds": 600.0,
    "tags": ["night"],
    "missed_run_policy": "catch_up",
    "max_catch_up": 5,
    "catch_up_window_seconds": 86_400,
    "misfire_grace_seconds": 120,
    "overlap_policy": "buffer_one",
    "starts_at": "2020-01-01T00:00:00Z",
    "ends_at": "2090-01-01T00:00:00Z",
    "jitter_seconds": 0,
    "allow_seconds": False,
}
KIND = {"type": "object", "properties": {"kind": {"type": "string"}}, "additionalProperties": False}


async def test_a_schedule_is_made_read_and_listed(api: Served) -> None:
    made = await api.client.post("/v1/schedules", json=NIGHTLY)

    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/v1/schedules/nightly"
    schedule = made.json()
    same = {key: value for key, value in NIGHTLY.items() if key != "cron"}
    assert schedule | same == schedule
    assert (schedule["trigger_kind"], schedule["expression"], schedule["paused"]) == ("cron", "0 3 * * *", False)
    assert "03:00" in schedule["description"]
    assert len(schedule["next_windows"]) == 5
    assert schedule["next_windows"][0] == schedule["next_at"]
    assert {datetime.fromisoformat(at).hour for at in schedule["next_windows"]} <= {1, 2}
    read = (await api.client.get("/v1/schedules/nightly")).json()
    assert read | {"lag_seconds": schedule["lag_seconds"]} == schedule
    listed = (await api.client.get("/v1/schedules")).json()["items"]
    assert [one["name"] for one in listed] == ["nightly"]
    assert_problem(await api.client.post("/v1/schedules", json=NIGHTLY), 409, "already-exists")


async def test_what_a_schedule_lacks_comes_from_its_handler(api: Served) -> None:
    await api.register("probe", queue="health", priority=0, max_attempts=1, timeout_seconds=5.0)

    body = {"name": "pulse", "task_name": "probe", "interval_seconds": 90, "paused": True}
    made = (await api.client.post("/v1/schedules", json=body)).json()

    assert (made["queue"], made["priority"], made["max_attempts"], made["timeout_seconds"]) == (
        "health",
        "critical",
        1,
        5.0,
    )
    assert (made["trigger_kind"], float(made["expression"]), made["paused"]) == ("interval", 90.0, True)


async def test_a_schedule_has_the_version_that_is_registered_or_said(api: Served) -> None:
    await api.register("report.build", dumps(KIND), payload_version=3)
    where = "/v1/schedules/nightly"

    made = await api.client.post("/v1/schedules", json=NIGHTLY)
    assert (made.status_code, made.json()["payload_version"]) == (201, 3), made.text
    older = {"payload": {"kinds": "daily"}, "payload_version": 2}
    assert (await api.client.patch(where, json=older)).json()["payload_version"] == 2
    kept = await api.client.patch(where, json={"cron": "@daily", "queue": "other"})
    assert (kept.status_code, kept.json()["payload_version"]) == (200, 2), kept.text
    assert_problem(await api.client.patch(where, json={"payload": older["payload"]}), 422, "invalid-payload")
    assert_problem(await api.client.patch(where, json={"payload_version": 3}), 422, "invalid-payload")
    assert (await api.client.patch(where, json={"payload": {"kind": "x"}})).json()["payload_version"] == 3
    elsewhere = await api.client.patch(where, json={"task_name": "not.registered", "payload": {}})
    assert elsewhere.json()["payload_version"] == 3
    for wrong in (0, 32_768, "2", None):
        answer = await api.client.patch(where, json={"payload_version": wrong})
        assert answer.status_code == 422, answer.text
    task = (await api.client.post(f"{where}/trigger")).json()
    assert task["payload_version"] == 3


async def test_a_schedule_is_changed_in_part(api: Served) -> None:
    await api.client.post("/v1/schedules", json=NIGHTLY)
    where = "/v1/schedules/nightly"

    changed = await api.client.patch(where, json={"cron": "30 4 * * *", "timeout_seconds": None, "tags": []})

    assert changed.status_code == 200, changed.text
    assert (changed.json()["expression"], changed.json()["timeout_seconds"], changed.json()["tags"]) == (
        "30 4 * * *",
        None,
        [],
    )
    assert changed.json()["queue"] == "reports"
    every = (await api.client.patch(where, json={"interval_seconds": 3600})).json()
    assert (every["trigger_kind"], float(every["expression"])) == ("interval", 3600.0)


async def test_a_schedule_is_paused_resumed_triggered_and_deleted(api: Served) -> None:
    await api.client.post("/v1/schedules", json=NIGHTLY)
    where = "/v1/schedules/nightly"

    paused = (await api.client.post(f"{where}/pause")).json()
    assert (paused["paused"], paused["paused_by"][:4]) == (True, "key:")
    triggered = await api.client.post(f"{where}/trigger")
    assert triggered.status_code == 201
    task = triggered.json()
    assert task | {"name": "report.build", "queue": "reports", "payload": {"kind": "daily"}} == task
    assert triggered.headers["location"] == f"/v1/tasks/{task['id']}"
    mine = (await api.client.get("/v1/tasks", params={"schedule_id": paused["id"]})).json()["items"]
    assert [one["id"] for one in mine] == [task["id"]]
    assert (await api.client.post(f"{where}/resume")).json()["paused"] is False
    assert (await api.client.delete(where)).status_code == 204
    assert_problem(await api.client.get(where), 404, "not-found")
    assert_problem(await api.client.delete(where), 404, "not-found")
    actions = [
        entry["action"]
        for entry in (await api.client.get("/v1/audit?subject_kind=schedule&subject_id=nightly")).json()["items"]
    ]
    assert actions[0] == "schedule.delete"
    assert len(actions) == 5


async def test_a_trigger_under_an_id_may_be_sent_again(api: Served) -> None:
    await api.client.post("/v1/schedules", json=NIGHTLY)
    where, body = "/v1/schedules/nightly/trigger", {"id": "01890a5d-ac96-774b-bcce-b302099a8057"}

    first, again = [await api.client.post(where, json=body) for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] == body["id"]
    assert first.headers["location"] == again.headers["location"] == f"/v1/tasks/{body['id']}"
    await api.client.post(f"/v1/tasks/{body['id']}/cancel")
    later = await api.client.post(where, json=body)
    assert (later.status_code, later.json()["status"]) == (200, "cancelled")
    assert await api.count_tasks() == 1
    for empty in ({}, {"id": None}):
        assert (await api.client.post(where, json=empty)).status_code == 201
    taken = {"id": str(await api.enqueue())}
    assert_problem(await api.client.post(where, json=taken), 409, "already-exists")
    assert_problem(await api.client.post(where, json={"id": "7"}), 422, "invalid-argument", field="id")
    assert_problem(await api.client.post(where, json={"key": "7"}), 422, "invalid-argument", field="key")


async def test_bounds_are_taken_away_by_null(api: Served) -> None:
    await api.client.post("/v1/schedules", json=NIGHTLY)
    free = {"starts_at": None, "ends_at": None, "catch_up_window_seconds": None}
    changed = await api.client.patch("/v1/schedules/nightly", json=free)
    assert changed.status_code == 200, changed.text
    assert changed.json() | free == changed.json()
    assert changed.json()["overlap_policy"] == "buffer_one"


@pytest.mark.parametrize(
    ("rule", "kind", "described"),
    [
        (
            {"once": "2060-03-01T09:00", "timezone": "Europe/Berlin"},
            "once",
            "Once, at 2060-03-01 09:00:00 (Europe/Berlin)",
        ),
        ({"calendar": "1 month at 09:00", "anchor_at": "2026-01-31T00:00:00Z"}, "calendar", "Every month at 09:00"),
        ({"cron": "30 0 9 * * *", "allow_seconds": True}, "cron", "At 09:00:30"),
        ({"interval_seconds": 90, "jitter_seconds": 60}, "interval", "up to 0:01:00 later"),
    ],
)
async def test_each_kind_of_rule_is_previewed_as_it_is_stored(
    api: Served, rule: dict[str, Any], kind: str, described: str
) -> None:
    tried = await api.client.post("/v1/schedules/preview", json={**rule, "limit": 3})
    assert tried.status_code == 200, tried.text
    assert described in tried.json()["description"]
    for window in tried.json()["windows"]:  # as text, 09:00:00.5Z would come before 09:00:00Z
        assert datetime.fromisoformat(window["window_at"]) <= datetime.fromisoformat(window["due_at"])
    made = await api.client.post("/v1/schedules", json={"name": "preview", "task_name": "t", **rule})
    assert (made.status_code, made.json()["trigger_kind"]) == (201, kind), made.text
    assert described in made.json()["description"]
    ahead = (await api.client.get("/v1/schedules/preview/preview", params={"limit": 3})).json()
    assert len(ahead["windows"]) == (1 if kind == "once" else 3)
    assert ahead["windows"][0]["due_at"] == made.json()["next_at"]
    if "anchor_at" in rule or kind in ("once", "cron"):
        assert ahead["windows"] == tried.json()["windows"]


async def test_past_windows_are_backfilled_once(api: Served) -> None:
    await api.client.post("/v1/schedules", json={**NIGHTLY, "cron": "0 3 * * *", "timezone": "UTC"})
    where = "/v1/schedules/nightly/backfill"
    body = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-03T23:00:00Z"}

    done = (await api.client.post(where, json=body)).json()

    assert (done["windows"], [one["window_at"] for one in done["fired"]]) == (
        3,
        ["2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z", "2026-03-03T03:00:00Z"],
    )
    task = (await api.client.get(f"/v1/tasks/{done['fired'][0]['task_id']}")).json()
    assert task["window_at"] == "2026-03-01T03:00:00Z"
    assert (await api.client.post(where, json=body)).json() == {"windows": 3, "fired": []}
    told = (await api.client.get("/v1/schedules/nightly/explain?window=2026-03-02T03:00:00Z")).json()
    assert (told["code"], told["task_id"]) == ("fired", done["fired"][1]["task_id"])
    for wrong, field in (
        ({**body, "until": "2026-02-01T00:00:00Z"}, "until"),
        ({**body, "until": "2199-01-01T00:00:00Z"}, "until"),
        ({**body, "since": "yesterday"}, "since"),
        ({"since": body["since"]}, "until"),
    ):
        assert_problem(await api.client.post(where, json=wrong), 422, "invalid-argument", field=field)
    assert_problem(await api.client.post("/v1/schedules/other/backfill", json=body), 404, "not-found")
    reader = await api.client_for("read")
    assert_problem(await reader.post(where, json=body), 403, "forbidden")
    assert await api.count_tasks() == 3


async def test_a_window_is_explained(api: Served) -> None:
    await api.client.post("/v1/schedules", json=NIGHTLY)
    where = "/v1/schedules/nightly/explain"
    told = (await api.client.get(where)).json()
    assert told.keys() == {"schedule", "window_at", "code", "explanation", "advice", "task_id"}
    assert (told["schedule"], told["code"]) == ("nightly", "not_due")
    assert (await api.client.get(f"{where}?window=2026-03-01T03:30:00Z")).json()["code"] == "not_a_window"
    assert_problem(await api.client.get(f"{where}?window=noon"), 422, "invalid-argument", field="window")
    assert_problem(await api.client.get(f"{where}?when=noon"), 422, "invalid-argument", field="when")


async def test_windows_are_paged_newest_first(api: Served) -> None:
    body = {"name": "s", "task_name": "a", "interval_seconds": 60}
    await api.client.post("/v1/schedules", json=body)
    await api.client.post("/v1/schedules/s/pause")
    await api.move_clock(timedelta(minutes=5, seconds=30))
    await api.client.post("/v1/schedules/s/resume")

    windows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.client.get("/v1/schedules/s/windows", params=params)).json()
        windows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    times = [window["window_at"] for window in windows]
    assert len(times) == len(set(times)) == 5
    assert times == sorted(times, reverse=True)
    assert {window["outcome"] for window in windows} == {"skipped"}
    assert all(window["reason"] for window in windows)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "cron"),
    ({"cron": "0 3 * * *", "interval_seconds": 5}, "cron"),
    ({"cron": "61 3 * * *"}, "cron"),
    ({"cron": "nonsense"}, "cron"),
    ({"cron": 5}, "cron"),
    ({"cron": "0 3 * * *", "timezone": "Mars/Olympus"}, "timezone"),
    ({"interval_seconds": 0}, "interval_seconds"),
    ({"interval_seconds": -1}, "interval_seconds"),
    ({"interval_seconds": "60"}, "interval_seconds"),
    ({"interval_seconds": 30}, "interval_seconds"),
    ({"cron": "* * * * * *"}, "cron"),
    ({"once": "yesterday"}, "once"),
    ({"once": "2020-01-01T00:00:00Z"}, "once"),
    ({"once": 5}, "once"),
    ({"calendar": "monthly"}, "calendar"),
    ({"calendar": "1 month at 09:00", "cron": "@daily"}, "cron"),
    ({"interval_seconds": 60, "starts_at": "2026-01-01T00:00:00"}, "starts_at"),
    ({"interval_seconds": 60, "starts_at": "2030-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"}, "ends_at"),
    ({"cron": "@daily", "ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
    ({"interval_seconds": 60, "jitter_seconds": 86_401}, "jitter_seconds"),
    ({"interval_seconds": 60, "jitter_seconds": -1}, "jitter_seconds"),
    ({"interval_seconds": 60, "allow_seconds": "yes"}, "allow_seconds"),
    ({"interval_seconds": 60, "misfire_grace_seconds": -1}, "misfire_grace_seconds"),
    ({"interval_seconds": 60, "misfire_grace_seconds": None}, "misfire_grace_seconds"),
    ({"interval_seconds": 60, "catch_up_window_seconds": 0}, "catch_up_window_seconds"),
    ({"interval_seconds": 60, "overlap_policy": "maybe"}, "overlap_policy"),
    ({"interval_seconds": 60, "missed_run_policy": "maybe"}, "missed_run_policy"),
    ({"interval_seconds": 60, "max_catch_up": 0}, "max_catch_up"),
    ({"interval_seconds": 60, "anchor_at": "tomorrow"}, "anchor_at"),
    ({"interval_seconds": 60, "name": "a/b"}, "name"),
    ({"interval_seconds": 60, "task_name": ""}, "task_name"),
    ({"interval_seconds": 60, "timeout_seconds": 0}, "timeout_seconds"),
    ({"interval_seconds": 60, "unknown": 0}, "unknown"),
]


async def test_a_wrong_schedule_names_its_field_and_is_not_stored(api: Served) -> None:
    for more, field in WRONG:
        body = {"name": "s", "task_name": "a", **more}
        refused = await api.client.post("/v1/schedules", json=body)
        assert refused.status_code == 422, (more, refused.text)
        assert field in [error["field"] for error in refused.json()["errors"]], (more, refused.text)
        tried = await api.client.post("/v1/schedules/preview", json=more)
        assert tried.status_code == 422, (more, tried.text)
    assert (await api.client.get("/v1/schedules")).json()["items"] == []


async def test_a_wrong_change_changes_nothing(api: Served) -> None:
    made = (await api.client.post("/v1/schedules", json=NIGHTLY)).json()
    wrong: list[dict[str, Any]] = [
        {},
        {"overlap_policy": None},
        {"overlap_policy": "maybe"},
        {"interval_seconds": 59},
        {"ends_at": "2019-01-01T00:00:00Z"},
        {"once": "2019-01-01T00:00:00Z"},
        {"jitter_seconds": 0.5},
        {"catch_up_window_seconds": 0},
        {"name": "other"},
        {"cron": None},
        {"cron": "nonsense"},
        {"timezone": "Mars/Olympus"},
        {"cron": "0 3 * * *", "interval_seconds": 5},
        {"interval_seconds": -5},
        {"paused": True},
    ]
    for body in wrong:
        refused = await api.client.patch("/v1/schedules/nightly", json=body)
        assert refused.status_code == 422, (body, refused.text)
    unchanged = (await api.client.get("/v1/schedules/nightly")).json()
    assert unchanged["updated_at"] == made["updated_at"]


async def test_a_schedule_s_payload_is_held_to_its_handler_s_schema(api: Served) -> None:
    await api.register("report.build", '{"type": "object", "required": ["kind"]}')
    refused = await api.client.post("/v1/schedules", json={**NIGHTLY, "payload": {}})
    assert_problem(refused, 422, "invalid-payload", field="payload")
    await api.client.post("/v1/schedules", json=NIGHTLY)
    refused = await api.client.patch("/v1/schedules/nightly", json={"payload": {}})
    assert_problem(refused, 422, "invalid-payload", field="payload")
