"""Bad input over REST: each a clear 4xx, with nothing stored."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api.served import Served, assert_problem

from rowlock.engine.payload_schemas import IN_A_THREAD_FROM, PayloadSchema

JSON = {"Content-Type": "application/json"}

MALFORMED = {
    "nothing": b"",
    "no JSON": b"{name: a}",
    "cut off": b'{"name": "a"',
    "two values": b'{"name": "a"} {"name": "b"}',
    "an array": b'[{"name": "a"}]',
    "null": b"null",
    "NaN": b'{"name": "a", "payload": {"x": NaN}}',
    "Infinity": b'{"name": "a", "payload": {"x": -Infinity}}',
    "1e309": b'{"name": "a", "payload": {"x": 1e309}}',
    "a lone surrogate": b'{"name": "a", "payload": {"x": "\\ud800"}}',
    "a lone surrogate as a key": b'{"name": "a", "payload": {"\\udfff": 1}}',
    "invalid UTF-8": b'{"name": "a", "payload": {"x": "\xff"}}',
    "overlong UTF-8": b'{"name": "a", "payload": {"x": "\xc0\x80"}}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "100,000 levels": b'{"name": "a", "payload": ' + b'{"x":' * 100_000,
    "100,000 levels, closed": b'{"name": "a", "payload": {"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "a key twice": b'{"name": "a", "name": "b"}',
    "a key twice inside": b'{"name": "a", "payload": {"x": [{"y": 1, "y": 1}]}}',
    "a key twice, spelt differently": b'{"name": "a", "payload": {"x": 1, "\\u0078": "\\u0022:"}}',
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "NUL": (b'{"name": "a", "payload": {"x": "\\u0000"}}', "body"),
    "NUL in a key": (b'{"name": "a", "payload": {"\\u0000": 1}}', "body"),
    "an integer beyond 64 bits": (b'{"name": "a", "payload": {"x": 99999999999999999999}}', "body"),
    "200 levels": (b'{"name": "a", "payload": {"x": ' + b"[" * 200 + b"]" * 200 + b"}}", "body"),
    "70 levels": (b'{"name": "a", "payload": {"x": ' + b"[" * 70 + b"]" * 70 + b"}}", "payload"),
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"payload": {}}, "name"),
    "an unknown field": ({"name": "a", "prioritty": 1}, "prioritty"),
    "a name of another type": ({"name": 1}, "name"),
    "an empty name": ({"name": ""}, "name"),
    "a long name": ({"name": "a" * 201}, "name"),
    "a name with a space": ({"name": "a b"}, "name"),
    "a queue with a slash": ({"name": "a", "queue": "a/b"}, "queue"),
    "a payload of another type": ({"name": "a", "payload": [1]}, "payload"),
    "a payload that is text": ({"name": "a", "payload": '{"x": 1}'}, "payload"),
    "a null payload": ({"name": "a", "payload": None}, "payload"),
    "an unknown priority": ({"name": "a", "priority": "urgent"}, "priority"),
    "a priority out of range": ({"name": "a", "priority": 4}, "priority"),
    "a priority that is true": ({"name": "a", "priority": True}, "priority"),
    "a number as text": ({"name": "a", "max_attempts": "5"}, "max_attempts"),
    "no attempts": ({"name": "a", "max_attempts": 0}, "max_attempts"),
    "too many attempts": ({"name": "a", "max_attempts": 1_001}, "max_attempts"),
    "half an attempt": ({"name": "a", "max_attempts": 1.5}, "max_attempts"),
    "a true attempt": ({"name": "a", "max_attempts": True}, "max_attempts"),
    "a negative delay": ({"name": "a", "delay_seconds": -1}, "delay_seconds"),
    "a delay of ages": ({"name": "a", "delay_seconds": 1e18}, "delay_seconds"),
    "a delay as text": ({"name": "a", "delay_seconds": "5"}, "delay_seconds"),
    "the year 10000": ({"name": "a", "run_at": "10000-01-01T00:00:00Z"}, "run_at"),
    "the year 9999": ({"name": "a", "run_at": "9999-12-31T00:00:00Z"}, "run_at"),
    "an instant carried over the edge": ({"name": "a", "run_at": "9999-12-31T23:59:59-23:59"}, "run_at"),
    "an instant without a zone": ({"name": "a", "run_at": "2030-01-01T00:00:00"}, "run_at"),
    "an instant as a number": ({"name": "a", "run_at": 1_900_000_000}, "run_at"),
    "both times": ({"name": "a", "run_at": "2030-01-01T00:00:00Z", "delay_seconds": 1}, "body"),
    "no lifetime": ({"name": "a", "expires_in_seconds": 0}, "expires_in_seconds"),
    "a lifetime of ages": ({"name": "a", "expires_in_seconds": 1e12}, "expires_in_seconds"),
    "a delay beyond the lifetime": ({"name": "a", "delay_seconds": 9, "expires_in_seconds": 9}, "expires_in"),
    "no timeout": ({"name": "a", "timeout_seconds": 0}, "timeout_seconds"),
    "a timeout of ages": ({"name": "a", "timeout_seconds": 1e9}, "timeout_seconds"),
    "a tag of another type": ({"name": "a", "tags": ["x", 1]}, "tags.1"),
    "too many tags": ({"name": "a", "tags": [str(n) for n in range(21)]}, "tags"),
    "a long tag": ({"name": "a", "tags": ["x" * 101]}, "tags.0"),
    "a long unique key": ({"name": "a", "unique_key": "x" * 256}, "unique_key"),
    "an unknown way with duplicates": ({"name": "a", "on_duplicate": "crash"}, "on_duplicate"),
    "a long flow key": ({"name": "a", "flow_key": "x" * 101}, "flow_key"),
    "metadata of another type": ({"name": "a", "metadata": "x"}, "metadata"),
    "large metadata": ({"name": "a", "metadata": {"x": "x" * 20_000}}, "metadata"),
    "version nought": ({"name": "a", "payload_version": 0}, "payload_version"),
    "no parent": ({"name": "a", "parent_id": "x"}, "parent_id"),
    "an id in braces": ({"name": "a", "id": "{01890a5d-ac96-774b-bcce-b302099a8057}"}, "id"),
}


async def test_a_body_that_is_no_json_object_is_400(api: Served) -> None:
    for kind, body in MALFORMED.items():
        refused = await api.client.post("/v1/tasks", content=body, headers=JSON)
        assert refused.status_code == 400, (kind, refused.text)
        assert_problem(refused, 400, "malformed-body")
    assert await api.count_tasks() == 0


async def test_json_that_cannot_be_stored_is_422(api: Served) -> None:
    for kind, (body, field) in REFUSED.items():
        refused = await api.client.post("/v1/tasks", content=body, headers=JSON)
        assert refused.status_code == 422, (kind, refused.text)
        assert_problem(refused, 422, "invalid-payload", field=field)
    assert await api.count_tasks() == 0


async def test_each_wrong_field_is_named_alone_and_in_a_batch(api: Served) -> None:
    for kind, (body, field) in WRONG.items():
        alone = await api.client.post("/v1/tasks", json=body)
        assert alone.status_code in {413, 422}, (kind, alone.text)
        assert field in [error["field"] for error in alone.json()["errors"]], (kind, alone.text)
        batch = await api.client.post("/v1/tasks/batch", json={"tasks": [{"name": "good"}, body]})
        assert batch.status_code == alone.status_code, (kind, batch.text)
        named = f"tasks.1.{field}" if field != "body" else "tasks.1"
        assert named in [error["field"] for error in batch.json()["errors"]], (kind, batch.text)
    assert await api.count_tasks() == 0


async def test_all_wrong_fields_are_named_at_once(api: Served) -> None:
    refused = await api.client.post("/v1/tasks", json={"name": "", "priority": 9, "x": 1, "y": 2})
    document = assert_problem(refused, 422, "invalid-argument")
    assert {error["field"] for error in document["errors"]} == {"name", "priority", "x", "y"}


async def test_a_large_payload_is_413_and_so_is_a_large_body(api: Served) -> None:
    large = {"name": "a", "payload": {"x": "x" * api.database.settings.max_payload_bytes}}
    assert_problem(await api.client.post("/v1/tasks", json=large), 413, "payload-too-large", field="payload")

    body = b'{"name": "' + b"a" * api.database.settings.max_body_bytes + b'"}'
    assert_problem(await api.client.post("/v1/tasks", content=body, headers=JSON), 413, "payload-too-large")
    assert await api.count_tasks() == 0


async def test_a_body_that_says_it_is_large_is_refused_unread(api: Served) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b" " * 1_048_576

    announced = {**JSON, "Content-Length": "104857600"}
    assert_problem(await api.client.post("/v1/tasks", content=chunks(), headers=announced), 413, "payload-too-large")
    assert read == 0


async def test_a_body_that_does_not_say_so_is_refused_at_its_bound(api: Served) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b" " * 1_048_576

    assert_problem(await api.client.post("/v1/tasks", content=chunks(), headers=JSON), 413, "payload-too-large")
    assert read <= api.database.settings.max_body_bytes / 1_048_576 + 2


OTHER_TYPES: list[dict[str, str]] = [
    {},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Content-Type": "application/jsonl"},
    {**JSON, "Content-Encoding": "gzip"},
]
JSON_TYPES = ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"]


async def test_a_body_of_another_type_is_415(api: Served) -> None:
    for headers in OTHER_TYPES:
        sent = await api.client.post("/v1/tasks", content=b'{"name": "a"}', headers=headers)
        assert_problem(sent, 415, "unsupported-media-type")
    assert await api.count_tasks() == 0


async def test_types_of_json_are_taken(api: Served) -> None:
    for kind in JSON_TYPES:
        sent = await api.client.post("/v1/tasks", content=b'{"name": "a"}', headers={"Content-Type": kind})
        assert sent.status_code == 201


async def test_a_payload_that_its_handler_refuses_is_422_at_its_place(api: Served) -> None:
    schema = (
        '{"type": "object", "required": ["to"], "additionalProperties": false, "properties": '
        '{"to": {"type": "string"}, "at": {"type": "array", "items": {"type": "integer"}}}}'
    )
    await api.register("mail", schema)
    cases = {
        "payload": {},
        "payload.to": {"to": 1},
        "payload.at.1": {"to": "x", "at": [1, "2"]},
    }
    for field, payload in cases.items():
        refused = await api.client.post("/v1/tasks", json={"name": "mail", "payload": payload})
        assert_problem(refused, 422, "invalid-payload", field=field)
    unknown = await api.client.post("/v1/tasks", json={"name": "mail", "payload": {"to": "x", "cc": "y"}})
    assert "'cc' was unexpected" in assert_problem(unknown, 422, "invalid-payload")["detail"]
    batch = await api.client.post("/v1/tasks/batch", json={"tasks": [{"name": "a"}, {"name": "mail"}]})
    document = assert_problem(batch, 422, "invalid-payload", field="tasks.1.payload")
    assert document["index"] == 1
    assert await api.count_tasks() == 0
    taken = await api.client.post("/v1/tasks", json={"name": "mail", "payload": {"to": "x", "at": [1]}})
    assert taken.status_code == 201


async def test_payloads_of_a_batch_hold_up_others_no_longer_than_one(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is small enough to be validated at once, in the event loop; all together they are not."""
    await api.register("sum", '{"properties": {"ids": {"type": "array", "items": {"type": "integer"}}}}')
    validate, validated = PayloadSchema._first_problem, {"in a thread": 0, "at once": 0}

    def counted(schema: PayloadSchema, payload: dict[str, Any]) -> tuple[str, str] | None:
        here = threading.current_thread() is threading.main_thread()
        validated["at once" if here else "in a thread"] += 1
        return validate(schema, payload)

    monkeypatch.setattr(PayloadSchema, "_first_problem", counted)
    small, large = ({"name": "sum", "payload": {"ids": [1] * count}} for count in (10, IN_A_THREAD_FROM // 8))
    assert (await api.client.post("/v1/tasks", json=small)).status_code == 201
    assert validated == {"in a thread": 1, "at once": 0}, "The first one compiles the schema."
    assert (await api.client.post("/v1/tasks/batch", json={"tasks": [large] * 12})).status_code == 201
    assert validated == {"in a thread": 10, "at once": 3}
    assert (await api.client.post("/v1/tasks/batch", json={"tasks": [small] * 12})).status_code == 201
    assert (await api.client.post("/v1/tasks", json=large)).status_code == 201
    assert validated == {"in a thread": 10, "at once": 16}
    wrong = {"name": "sum", "payload": {"ids": ["1"]}}
    refused = await api.client.post("/v1/tasks/batch", json={"tasks": [*[large] * 12, wrong]})
    assert_problem(refused, 422, "invalid-payload", field="tasks.12.payload.ids.0")


async def test_a_schema_that_refers_elsewhere_is_never_fetched(api: Served) -> None:
    await api.register("far", '{"$ref": "http://127.0.0.1:9/schema.json"}')
    await api.register("broken", '{"type": "nonsense"}')
    for name in ("far", "broken"):
        assert (await api.client.post("/v1/tasks", json={"name": name})).status_code == 201


async def test_a_strict_installation_refuses_names_that_nobody_declared(strict_api: Served) -> None:
    post = strict_api.client.post
    assert_problem(await post("/v1/tasks", json={"name": "a"}), 422, "unknown-handler", field="name")
    await strict_api.register("a", queue="known")
    assert (await post("/v1/tasks", json={"name": "a"})).status_code == 201
    assert_problem(await post("/v1/tasks", json={"name": "a", "queue": "b"}), 422, "unknown-queue", field="queue")
    await strict_api.client.put("/v1/queues/b", json={"description": "declared"})
    assert (await post("/v1/tasks", json={"name": "a", "queue": "b"})).status_code == 201
    assert await strict_api.count_tasks() == 2


async def test_a_queue_is_declared_by_a_handler_a_row_for_all_or_a_live_worker(strict_api: Served) -> None:
    await strict_api.register("a", queue="by-handler")
    await strict_api.query("SELECT rowlock.pause_queue('by-row-for-all', '*')")
    await strict_api.query(
        "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at)"
        " VALUES ('w', 'h', 1, '1', '{by-worker}', 1, rowlock.clock() + interval '1 minute'),"
        "        ('g', 'h', 2, '1', '{by-gone-worker}', 1, rowlock.clock() - interval '1 minute')"
    )
    for queue in ("by-handler", "by-row-for-all", "by-worker"):
        taken = await strict_api.client.post("/v1/tasks", json={"name": "a", "queue": queue})
        assert taken.status_code == 201, queue
    refused = await strict_api.client.post("/v1/tasks", json={"name": "a", "queue": "by-gone-worker"})
    assert_problem(refused, 422, "unknown-queue", field="queue")


WRONG_QUERIES = {
    "limit=0": "limit",
    "limit=201": "limit",
    "limit=x": "limit",
    "status=waiting": "status.0",
    "stauts=dead": "stauts",
    "queue=a/b": "queue",
    "queue=": "queue",
    "name=%00": "name",
    "tag=%00": "tag",
    "parent_id=7": "parent_id",
    "cursor=nonsense": "cursor",
    "cursor=%F0%9F%98%80": "cursor",
}
WRONG_PATHS = [
    ("GET", "/v1/tasks/7"),
    ("GET", "/v1/tasks/%00"),
    ("POST", "/v1/tasks/01890a5dac96774bbcceb302099a8057/cancel"),
    ("GET", "/v1/queues/a%20b"),
    ("POST", "/v1/queues/%00/pause"),
    ("GET", "/v1/schedules/%00"),
    ("DELETE", "/v1/keys/%00"),
]


async def test_a_wrong_query_is_422(api: Served) -> None:
    for query, field in WRONG_QUERIES.items():
        refused = await api.client.get(f"/v1/tasks?{query}")
        assert refused.status_code == 422, query
        assert field in [error["field"] for error in refused.json()["errors"]], refused.text


async def test_a_wrong_path_is_422(api: Served) -> None:
    for method, path in WRONG_PATHS:
        assert_problem(await api.client.request(method, path), 422, "invalid-argument")


async def test_an_optional_body_may_be_left_out_but_not_be_wrong(api: Served) -> None:
    where = f"/v1/tasks/{await api.enqueue()}/cancel"
    assert_problem(await api.client.post(where, json={"why": "x"}), 422, "invalid-argument", field="why")
    assert_problem(await api.client.post(where, json={"reason": 1}), 422, "invalid-argument", field="reason")
    assert_problem(await api.client.post(where, json={"reason": "\0"}), 422, "invalid-payload")
    assert (await api.client.post(where)).status_code == 200


async def test_a_change_must_change_something_once(api: Served) -> None:
    where = f"/v1/tasks/{await api.enqueue()}"
    for body in ({}, {"run_at": "2030-01-01T00:00:00Z", "delay_seconds": 1}, {"status": "dead"}, {"priority": "x"}):
        assert (await api.client.patch(where, json=body)).status_code == 422
