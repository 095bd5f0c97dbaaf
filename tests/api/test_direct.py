"""The busiest route answers without FastAPI's dependencies, and as the documented one does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.api.served import Served

from rowlock.api.direct import DirectRoute

JSON = {"Content-Type": "application/json"}
VARIES = ("id", "created_at", "visible_at", "request_id")
REQUESTS: dict[str, tuple[bytes, dict[str, str]]] = {
    "accepted": (b'{"name": "noop", "payload": {"n": 1}, "tags": ["a"]}', JSON),
    "no body": (b"", JSON),
    "no JSON": (b"{", JSON),
    "another type": (b"{}", {"Content-Type": "text/plain"}),
    "unknown field": (b'{"name": "noop", "colour": "red"}', JSON),
    "wrong type": (b'{"name": 7, "delay_seconds": "x"}', JSON),
    "key twice": (b'{"name": "a", "name": "b"}', JSON),
    "odd header": (b'{"name": "noop"}', {**JSON, "Idempotency-Key": ""}),
    "no key": (b'{"name": "noop"}', {**JSON, "Authorization": ""}),
    "key of nobody": (b'{"name": "noop"}', {**JSON, "Authorization": "Bearer rlk_a_b"}),
    "not a key": (b"{", {**JSON, "Authorization": "Basic eDp5"}),
}


@pytest.mark.parametrize("asked", REQUESTS)
async def test_it_answers_as_the_documented_route(api: Served, asked: str) -> None:
    body, headers = REQUESTS[asked]
    directly = await api.client.post("/v1/tasks", content=body, headers=headers)
    routes = api.app.router.routes
    documented_routes = [route for route in routes if not isinstance(route, DirectRoute)]
    assert len(documented_routes) == len(routes) - 1
    routes[:] = documented_routes
    documented = await api.client.post("/v1/tasks", content=body, headers=headers)
    assert _lasting(directly) == _lasting(documented)


async def test_a_key_that_may_only_read_is_refused(api: Served) -> None:
    reader = await api.client_for("read")
    refused = await reader.post("/v1/tasks", json={"name": "noop"})
    assert refused.status_code == 403
    assert await api.count_tasks() == 0


def _lasting(response: httpx.Response) -> tuple[int, list[str], dict[str, Any]]:
    """All of an answer but what is new each time."""
    said = {name: value for name, value in response.json().items() if name not in VARIES}
    return response.status_code, sorted(response.headers), said
