"""Problems: one shape for every way in which a request can fail; and the layer around every request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tests.api.served import Served, assert_problem

from rowlock.engine import inspect


async def test_a_path_that_is_not_there_is_404(api: Served) -> None:
    for method, path in [("GET", "/v1/nothing"), ("POST", "/v1/nothing"), ("GET", "/v2/tasks"), ("GET", "/v1/tasks/")]:
        assert_problem(await api.client.request(method, path), 404, "not-found")


async def test_a_method_that_is_not_there_is_405_and_names_those_that_are(api: Served) -> None:
    refused = await api.client.delete("/v1/tasks")
    assert_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "GET, POST"
    refused = await api.client.put("/v1/schedules/x")
    assert_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "DELETE, GET, PATCH"


async def test_a_defect_is_500_and_tells_nothing_of_the_inside(
    api: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(inspect, "list_handlers", broken)
    failed = await api.client.get("/v1/handlers", headers={"X-Request-Id": "the-one"})

    document = assert_problem(failed, 500, "internal")
    assert "secret" not in failed.text
    assert "ZeroDivisionError" not in failed.text
    assert document["request_id"] == "the-one"
    logged = next(record for record in caplog.records if record.exc_info)
    assert "a secret detail" in str(logged.exc_info)
    assert "the-one" in logged.getMessage()
    monkeypatch.undo()
    assert (await api.client.get("/v1/handlers")).status_code == 200


async def test_a_request_id_is_kept_or_made(api: Served) -> None:
    kept = await api.client.get("/health/live", headers={"X-Request-Id": "trace-1:a/b.c"})
    assert kept.headers["x-request-id"] == "trace-1:a/b.c"
    for bad in ("", "with space", "x" * 129, "naïve".encode(), b"<script>"):
        made = await api.client.get("/health/live", headers=[("X-Request-Id", bad)])
        assert UUID(made.headers["x-request-id"]).version == 7


async def test_each_request_is_logged_with_its_route_and_key_but_no_secret(
    api: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    task_id = await api.enqueue()
    await api.client.get(f"/v1/tasks/{task_id}", headers={"X-Request-Id": "the-one"})

    line = next(r.getMessage() for r in caplog.records if r.name == "rowlock.access")
    for part in ("/v1/tasks/{task_id}", "the-one", "status=200", "tenant_id='default'", "key_id=", "duration_ms="):
        assert part in line, line
    key = api.client.headers["Authorization"].rpartition("_")[2]
    assert all(key not in record.getMessage() for record in caplog.records)


async def test_a_long_path_is_logged_in_part(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert (await api.client.get(f"/{'x' * 60_000}")).status_code == 404

    line = next(r.getMessage() for r in caplog.records if r.name == "rowlock.access")
    assert 1_900 < line.count("x") < 2_100


async def test_a_client_that_leaves_while_it_sends_is_no_defect(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", api.client.headers["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/tasks", "query_string": b"", "headers": headers}
    await api.app({**scope, "http_version": "1.1", "scheme": "http", "client": None}, receive, send)  # type: ignore[arg-type]

    assert sent == []
    assert not [record for record in caplog.records if record.exc_info]
    assert any("status=499" in record.getMessage() for record in caplog.records)
