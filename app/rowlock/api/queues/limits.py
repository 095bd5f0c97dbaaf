"""Routes of limits: how many tasks of a lane run at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from rowlock.api.authentication import Admin, Reader, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_QUEUES, problems
from rowlock.api.queues.models import Limit, LimitChange, LimitList
from rowlock.api.queues.wire import limit_json
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.wire import FlowKey, QueueName
from rowlock.engine import inspect, operate

router = APIRouter(tags=[TAG_QUEUES])


class LaneQuery(BaseModel):
    """Which lane: that of tasks without a flow key, or of one flow key."""

    model_config = ConfigDict(extra="forbid")

    flow_key: FlowKey | None = None


@router.get("/v1/queues/{name}/limits", response_model=LimitList, responses=problems(422))
async def list_limits(request: Request, principal: Reader, name: QueueName) -> Response:
    """Caps of the tenant's lanes in a queue."""
    found = await inspect.get_limits(services_of(request).database, principal.tenant_id, name)
    return json_reply({"items": [limit_json(one) for one in found]})


@router.put("/v1/queues/{name}/limits", response_model=Limit, responses=problems(body=True))
async def set_limit(
    request: Request, principal: Admin, name: QueueName, body: Annotated[LimitChange, json_body(LimitChange)]
) -> Response:
    """Caps a lane; claims heed it from the next one on."""
    limit = await operate.set_limit(
        services_of(request).database,
        principal.tenant_id,
        name,
        body.flow_key,
        body.max_running,
        actor=acting(request, principal),
    )
    return json_reply(limit_json(limit))


@router.delete("/v1/queues/{name}/limits", status_code=204, responses=problems(404, 422))
async def lift_limit(
    request: Request, principal: Admin, name: QueueName, query: Annotated[LaneQuery, Query()]
) -> Response:
    """Takes a lane's cap away: that of the query's `flow_key`, or without one that of tasks that have none."""
    await operate.lift_limit(
        services_of(request).database, principal.tenant_id, name, query.flow_key, actor=acting(request, principal)
    )
    return Response(status_code=204)
