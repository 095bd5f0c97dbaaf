"""The OpenAPI document: complete, and kept to by what the app answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from tests.api.served import Served, assert_problem

from rowlock.engine.access import SCOPES

METHODS = {"get", "post", "put", "patch", "delete"}
OPEN = {"/health/live", "/health/ready", "/metrics"}
WITH_BODY = {("post", path) for path in ("/v1/tasks", "/v1/tasks/batch", "/v1/schedules", "/v1/keys")}
SPOKEN = {
    "/v1/tasks": {"get", "post"},
    "/v1/tasks/batch": {"post"},
    "/v1/tasks/{task_id}": {"get", "patch"},
    "/v1/tasks/{task_id}/executions": {"get"},
    "/v1/tasks/{task_id}/explain": {"get"},
    "/v1/tasks/{task_id}/cancel": {"post"},
    "/v1/tasks/{task_id}/redrive": {"post"},
    "/v1/dead-letters": {"get"},
    "/v1/dead-letters/redrive": {"post"},
    "/v1/queues": {"get"},
    "/v1/queues/{name}": {"get", "put"},
    "/v1/queues/{name}/pause": {"post"},
    "/v1/queues/{name}/resume": {"post"},
    "/v1/schedules": {"get", "post"},
    "/v1/schedules/{name}": {"get", "patch", "delete"},
    "/v1/schedules/{name}/pause": {"post"},
    "/v1/schedules/{name}/resume": {"post"},
    "/v1/schedules/{name}/trigger": {"post"},
    "/v1/schedules/{name}/windows": {"get"},
    "/v1/workers": {"get"},
    "/v1/scheduler": {"get"},
    "/v1/handlers": {"get"},
    "/v1/keys": {"get", "post"},
}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


async def document_of(api: Served) -> dict[str, Any]:
    answer = await (await api.client_with(None)).get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def test_every_route_is_described_with_its_problems_and_its_key(api: Served) -> None:
    document = await document_of(api)
    for path, methods in SPOKEN.items():
        assert methods <= document["paths"][path].keys(), path
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["tags"], where
        assert operation["description"], where
        assert bool(operation.get("security")) == (path not in OPEN), where
        if path not in OPEN:
            assert {"401", "403", "500", "503"} <= operation["responses"].keys(), where
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, where
        if method in {"put", "patch"} or (method, path) in WITH_BODY:
            assert "requestBody" in operation, where


async def test_every_route_needs_the_scope_that_is_told(api: Served) -> None:
    clients = {scope: await api.client_for(scope) for scope in SCOPES}
    told = {}
    for path, method, operation in operations(await document_of(api)):
        if path in OPEN:
            continue
        [[scope]] = operation["security"][0].values()
        told[method, path] = scope
        assert f"needs the scope `{scope}`" in operation["description"]
        place = path.format(task_id=uuid4(), name="some", key_id="some")
        for lesser in SCOPES[: SCOPES.index(scope)]:
            assert_problem(await clients[lesser].request(method, place), 403, "forbidden")
        assert (await clients[scope].request(method, place)).status_code not in {401, 403}, (method, path)
    assert set(told.values()) == set(SCOPES)
    assert (told["post", "/v1/tasks"], told["put", "/v1/queues/{name}"]) == ("write", "admin")


async def test_every_kind_of_problem_is_listed_once(api: Served) -> None:
    description = (await document_of(api))["info"]["description"]
    for slug in (
        "not-found",
        "internal",
        "idempotency-key-reused",
        "malformed-body",
        "not-ready",
        "task-not-changeable",
    ):
        assert description.count(f"| `{slug}` |") == 1, slug


async def test_bodies_are_described_by_what_checks_them(api: Served) -> None:
    schemas = (await document_of(api))["components"]["schemas"]

    task = schemas["TaskCreate"]
    assert task["additionalProperties"] is False
    assert task["required"] == ["name"]
    assert task["examples"]
    assert schemas["Problem"]["properties"].keys() >= {"type", "title", "status", "detail", "instance", "errors"}
    assert "HTTPValidationError" not in schemas


async def test_every_reference_leads_somewhere(api: Served) -> None:
    document = await document_of(api)

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        assert reference.rpartition("/")[2] in document["components"]["schemas"], reference


async def test_the_docs_need_nothing_from_elsewhere(api: Served) -> None:
    anybody = await api.client_with(None)
    docs = await anybody.get("/docs")
    assert docs.status_code == 200
    assert "https://" not in docs.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/docs/assets/{asset}" in docs.text
        assert (await anybody.get(f"/docs/assets/{asset}")).status_code == 200


async def test_the_docs_keep_no_key_and_cannot_be_framed(api: Served) -> None:
    docs = await (await api.client_with(None)).get("/docs")
    assert "persistAuthorization" not in docs.text
    assert docs.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert docs.headers["x-frame-options"] == "DENY"
    assert docs.headers["x-content-type-options"] == "nosniff"


async def test_the_operators_page_is_at_the_root_and_hides_no_route(api: Served) -> None:
    anybody = await api.client_with(None)
    page = await anybody.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in page.headers
    for path in ("/../pyproject.toml", "/%2e%2e/__init__.py", "/v1", "/nothing"):
        assert (await anybody.get(path)).status_code == 404, path
    assert (await anybody.post("/")).status_code == 404
