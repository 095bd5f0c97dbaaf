"""Into rowlock by REST, with a key for each tenant, as a client in any language would."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import httpx
from tests.harness.nemesis.clients import PATIENCE_SECONDS, Refused

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.requests import TaskRequest
from rowlock.store.tasks import Stored

ADDRESS = "NEMESIS_API"
KEYS = "NEMESIS_API_KEYS"
NOTHING_STORED = ("database-unavailable", "idempotency-in-progress")


class Rest:
    """HTTP, one connection kept alive."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = json.loads(os.environ[KEYS])
        self._http = httpx.AsyncClient(base_url=os.environ[ADDRESS], timeout=PATIENCE_SECONDS)

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        if len(requests) == 1:
            return [await self._enqueue_one(tenant, requests[0])]
        reply = await self._ask(tenant, "/v1/tasks/batch", {"tasks": [body_of(request) for request in requests]})
        return [Stored(UUID(one["id"]), one["created"]) for one in reply.json()["items"]]

    async def _enqueue_one(self, tenant: str, request: TaskRequest) -> Stored:
        headers = {"Idempotency-Key": request.idempotency_key} if request.idempotency_key else {}
        reply = await self._ask(tenant, "/v1/tasks", body_of(request), headers)
        return Stored(UUID(reply.json()["id"]), reply.status_code == 201)

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None:
        raise Refused("REST knows no transactions of its clients.")

    async def cancel(self, tenant: str, task_id: UUID) -> str:
        reply = await self._ask(tenant, f"/v1/tasks/{task_id}/cancel")
        return str(reply.json()["status"])

    async def redrive(self, tenant: str, task_id: UUID) -> None:
        await self._ask(tenant, f"/v1/tasks/{task_id}/redrive")

    async def peek(self, tenant: str, task_id: UUID) -> str:
        reply = await self._ask(tenant, f"/v1/tasks/{task_id}", method="GET")
        return str(reply.json().get("tenant_id", tenant))

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(
        self,
        tenant: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._keys[tenant]}", **(headers or {})}
        try:
            reply = await self._http.request(method, path, json=body, headers=sent)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DatabaseUnavailable(f"The API cannot be reached: {error}.") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"The API did not answer: {type(error).__name__} {error}.") from error
        if reply.is_success:
            return reply
        raise _problem(reply)


def _problem(reply: httpx.Response) -> Exception:
    """What a problem document promises."""
    problem = reply.json()
    kind = str(problem.get("type", "")).rpartition("/")[2]
    text = f"{reply.status_code} {kind}: {problem.get('detail')}"
    if kind in NOTHING_STORED:
        return DatabaseUnavailable(text)
    if reply.status_code >= 500:
        return OutcomeUnknown(text)
    return Refused(text)


def body_of(request: TaskRequest) -> dict[str, Any]:
    """The request as JSON, the same for REST and SQL; what is left out takes the handler's default."""
    told = {
        "id": str(request.id),
        "name": request.name,
        "payload": json.loads(request.payload),
        "queue": request.queue,
        "priority": request.priority.label,
        "delay_seconds": request.delay.total_seconds() or None,
        "unique_key": request.unique_key,
        "on_duplicate": request.on_duplicate if request.unique_key else None,
        "flow_key": request.flow_key,
    }
    return {name: value for name, value in told.items() if value is not None}
