"""Routes of workers: the processes that run tasks. They belong to the installation, so only admins see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from rowlock.api.authentication import ADMINS_ONLY
from rowlock.api.openapi import TAG_FLEET, problems
from rowlock.api.pagination import PageQuery, make_cursor, positive, read_cursor
from rowlock.api.replies import page
from rowlock.api.services import services_of
from rowlock.api.wire import utc
from rowlock.engine import inspect
from rowlock.store.worker_health import WorkerRecord

router = APIRouter(tags=[TAG_FLEET])
Health = Literal["healthy", "degraded", "unhealthy", "gone", "stopped"]


class Worker(BaseModel):
    """A worker process; `gone` means that its heartbeat stopped without a goodbye. After a day it is `stopped` too."""

    id: int
    name: str
    hostname: str
    pid: int
    version: str
    queues: list[str]
    concurrency: int
    running: int
    health: Health
    health_reason: str | None
    draining: bool
    started_at: datetime
    heartbeat_at: datetime


class WorkerPage(BaseModel):
    """One page of workers, newest first."""

    items: list[Worker]
    next_cursor: str | None


class WorkerQuery(PageQuery):
    """Filter of `GET /v1/workers`; several words are joined by OR."""

    health: list[Health] = Field([], description="One or more of these words.")


@router.get("/v1/workers", response_model=WorkerPage, responses=problems(422), dependencies=[ADMINS_ONLY])
async def list_workers(request: Request, query: Annotated[WorkerQuery, Query()]) -> Response:
    """Workers with their health, newest first."""
    before = read_cursor("workers", query.filters(), query.cursor, _worker_id)
    found = await inspect.list_workers(
        services_of(request).database,
        healths=query.health,
        before=before,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    last = str(shown[-1].id) if len(found) > query.limit else None
    return page([_worker_json(one) for one in shown], last and make_cursor("workers", query.filters(), last))


def _worker_id(text: str) -> int:
    return positive(int(text))


def _worker_json(worker: WorkerRecord) -> dict[str, object]:
    return {
        "id": worker.id,
        "name": worker.name,
        "hostname": worker.hostname,
        "pid": worker.pid,
        "version": worker.version,
        "queues": worker.queues,
        "concurrency": worker.concurrency,
        "running": worker.running,
        "health": worker.health,
        "health_reason": worker.health_reason,
        "draining": worker.draining,
        "started_at": utc(worker.started_at),
        "heartbeat_at": utc(worker.heartbeat_at),
    }
