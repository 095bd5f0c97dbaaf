"""Health for supervisors and load balancers, and metrics for Prometheus.

None of them needs a key: supervisors have none. They tell names of queues and handlers and figures of the whole
installation, never tenants, payloads or ids; whoever must not see those is kept out by the network.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel

from rowlock.api.health.readiness import shortcomings, unreadiness
from rowlock.api.openapi import TAG_HEALTH, problems
from rowlock.api.problems import problem_reply
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.domain.errors import DatabaseUnavailable, NotFound

router = APIRouter(tags=[TAG_HEALTH])
SEVERAL_PROCESSES = (
    "Several processes answer at this address, each with metrics of its own: set ROWLOCK_METRICS_PORT, and ask each "
    "of them at that port and those after it."
)


class Health(BaseModel):
    """It serves; what does not is a problem document. `degraded` says in `reasons` what it cannot do for now."""

    status: Literal["ok", "degraded"]
    reasons: list[str]


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model=Health)
async def live() -> Response:
    """200 as long as the process answers. It asks no database: restarting would not bring one back."""
    return json_reply({"status": "ok", "reasons": []})


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", response_model=Health, responses=problems(key=False))
async def ready(request: Request) -> Response:
    """200 when requests can be served; 503 with the `reasons` while the database is away or not migrated.

    A database that is read-only, or whose disk is full, is 200 with the status `degraded`: reading works.
    """
    services = services_of(request)
    reasons = await unreadiness(services.database, services.condition)
    if reasons:
        return problem_reply(request, NotReady(" ".join(reasons), reasons=reasons))
    reasons = await shortcomings(services.database, services.condition)
    return json_reply({"status": "degraded" if reasons else "ok", "reasons": reasons})


class NotReady(DatabaseUnavailable):
    """Requests cannot be served for now."""

    problem, title = "not-ready", "Not ready"


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(404, key=False),
    },
)
async def metrics(request: Request) -> Response:
    """Metrics of this process, and queues' gauges of the installation, at most some seconds old.

    Where several processes share the address, none of them answers for all: ask at the port of each.
    """
    services = services_of(request)
    if services.shared_port is not None and services.shared_port == request.scope["server"][1]:
        raise NotFound(SEVERAL_PROCESSES)
    await services.figures.refresh()
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(services.metrics.registry), headers={"Content-Type": content_type})
