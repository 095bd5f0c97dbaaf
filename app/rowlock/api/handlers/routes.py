"""Routes of handlers: what can be run, with which payload. Every key may read them, since callers need them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from rowlock.api.authentication import READERS_ONLY
from rowlock.api.openapi import TAG_FLEET, problems
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.tasks.models import PriorityWord
from rowlock.api.wire import TaskName, utc
from rowlock.domain.errors import NotFound
from rowlock.domain.priorities import Priority
from rowlock.engine import inspect
from rowlock.store.workers import HandlerRecord

router = APIRouter(tags=[TAG_FLEET])


class Handler(BaseModel):
    """A handler as workers have registered it: the defaults of its tasks, and the JSON Schema of their payload."""

    name: str
    queue: str
    priority: PriorityWord
    max_attempts: int
    timeout_seconds: float | None
    expires_in_seconds: float | None = Field(description="How long its tasks may live.")
    payload_version: int
    oldest_payload_version: int = Field(description="Oldest version that it brings up to its own.")
    payload_schema: dict[str, Any] | None = Field(
        description="JSON Schema (2020-12) that payloads are held to; null where a type of theirs has none."
    )
    executor: Literal["async", "thread", "process"]
    description: str | None
    registered_at: datetime
    seen_at: datetime = Field(description="When a worker last registered it.")


class HandlerList(BaseModel):
    """All handlers, by name."""

    items: list[Handler]


@router.get("/v1/handlers", response_model=HandlerList, responses=problems(), dependencies=[READERS_ONLY])
async def list_handlers(request: Request) -> Response:
    """What workers have registered."""
    found = await inspect.list_handlers(services_of(request).database)
    return json_reply({"items": [_handler_json(one) for one in found]})


@router.get(
    "/v1/handlers/{name:path}", response_model=Handler, responses=problems(404, 422), dependencies=[READERS_ONLY]
)
async def get_handler(request: Request, name: TaskName) -> Response:
    """One handler."""
    found = await inspect.list_handlers(services_of(request).database, {name})
    if not found:
        raise NotFound(f"No worker has registered a handler named {name!r}.")
    return json_reply(_handler_json(found[0]))


def _handler_json(handler: HandlerRecord) -> dict[str, object]:
    return {
        "name": handler.name,
        "queue": handler.queue,
        "priority": Priority(handler.priority).label,
        "max_attempts": handler.max_attempts,
        "timeout_seconds": handler.timeout_seconds,
        "expires_in_seconds": handler.expires_in_seconds,
        "payload_version": handler.payload_version,
        "oldest_payload_version": handler.oldest_payload_version,
        "payload_schema": handler.payload_schema,
        "executor": handler.executor,
        "description": handler.description,
        "registered_at": utc(handler.registered_at),
        "seen_at": utc(handler.seen_at),
    }
