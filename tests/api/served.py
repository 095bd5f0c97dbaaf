"""The app as tests talk to it: in process, over ASGI, with keys of any tenant and scope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from tests.harness.installation import TENANT, Installation, settings_for

from rowlock.api.app import create_app
from rowlock.engine.access import create_key
from rowlock.store import leases, workers
from rowlock.store.database import Database
from rowlock.store.leases import FailedAttempt
from rowlock.store.workers import HandlerRecord

PROBLEMS = "https://rowlock.dev/problems/"


class Served(Installation):
    """One app. `client` is an admin of the default tenant."""

    def __init__(self, app: FastAPI, database: Database, stack: AsyncExitStack) -> None:
        super().__init__(database)
        self.app = app
        self.client: httpx.AsyncClient
        self._stack = stack

    async def client_for(self, *scopes: str, tenant: str = TENANT) -> httpx.AsyncClient:
        """A client with a new key."""
        made = await create_key(self.database, tenant, "test", scopes or ("admin",), "test")
        return await self.client_with(f"Bearer {made.key}")

    async def client_with(self, authorization: str | None) -> httpx.AsyncClient:
        """A client that sends that header, or none."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://rowlock.test")
        if authorization is not None:
            client.headers["Authorization"] = authorization
        return await self._stack.enter_async_context(client)

    async def count_tasks(self) -> int:
        """Tasks of all tenants, live and finished."""
        return int((await self.query("SELECT count(*) FROM rowlock.tasks"))[0][0])

    async def register(self, name: str, schema: str | None = None, **more: Any) -> None:
        """Enters a handler, as a worker would."""
        defaults: dict[str, Any] = {
            "queue": "default",
            "priority": 2,
            "max_attempts": 4,
            "timeout_seconds": None,
            "payload_version": 1,
            "payload_schema": None,
            "executor": "async",
            "description": None,
        }
        await workers.register_handlers(self.database, [(HandlerRecord(name, **{**defaults, **more}), schema)])

    async def bury(self, name: str = "noop", tenant: str = TENANT, **options: Any) -> str:
        """A dead task that failed once, with an error and a traceback; its id."""
        task_id = await self.enqueue(name, tenant, **options)
        queue = options.get("queue", "default")
        for claimed in await self.claim(room=100, lane=tenant, queue=queue):
            if claimed.id == task_id:
                end = FailedAttempt(claimed.id, claimed.lease_token, "failed", "error", "boom", "Traceback …\nboom")
                await leases.bury(self.database, [end])
            else:
                await leases.release(self.database, [claimed.id], [claimed.lease_token])
        return str(task_id)


@asynccontextmanager
async def serving(url: str, **flags: Any) -> AsyncIterator[Served]:
    """The app, started; its clients are closed with it."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings_for(url, **flags), name="api test"))
        app = create_app(database.settings, database=database)
        await stack.enter_async_context(app.router.lifespan_context(app))
        served = Served(app, database, stack)
        served.client = await served.client_for("admin")
        yield served


def assert_problem(response: httpx.Response, status: int, slug: str, *, field: str | None = None) -> dict[str, Any]:
    """The response is that problem, whole and well formed; the document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == PROBLEMS + slug
    assert document["status"] == status
    assert document["title"]
    assert document["detail"].endswith((".", "!", "?"))
    assert document["instance"] == response.request.url.path
    assert document["request_id"] == response.headers["x-request-id"]
    if field is not None:
        assert field in [error["field"] for error in document["errors"]], document
        assert all(error["reason"].endswith(".") for error in document["errors"])
    return document
