"""Routes of queues: look at them, pause and resume them, set what is to be kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from rowlock.api.authentication import Admin, Reader, Writer, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_QUEUES, problems
from rowlock.api.queues.models import Queue, QueueConfiguration, QueueList
from rowlock.api.queues.wire import queue_json
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.wire import QueueName
from rowlock.engine import operate
from rowlock.engine.afterwards import already
from rowlock.engine.operate import QueueSettings

router = APIRouter(tags=[TAG_QUEUES])


@router.get("/v1/queues", response_model=QueueList, responses=problems())
async def list_queues(request: Request, principal: Reader) -> Response:
    """Queues by name, with depth and lag. Figures of large backlogs may be some seconds old."""
    found = await services_of(request).queues.queues(principal.tenant_id)
    return json_reply({"items": [queue_json(one) for one in found]})


@router.get("/v1/queues/{name}", response_model=Queue, responses=problems(404, 422))
async def get_queue(request: Request, principal: Reader, name: QueueName) -> Response:
    """One queue. 404 where it has no tasks, no settings, no worker and no handler."""
    return json_reply(queue_json(await services_of(request).queues.queue(principal.tenant_id, name)))


@router.put(
    "/v1/queues/{name}",
    response_model=Queue,
    responses={201: {"model": Queue, "description": "Nothing had been set for it before."}, **problems(body=True)},
)
async def configure_queue(
    request: Request,
    principal: Admin,
    name: QueueName,
    body: Annotated[QueueConfiguration, json_body(QueueConfiguration)],
) -> Response:
    """Sets description and retention as a whole: what is left out goes back to its default. A pause stays as it is."""
    services = services_of(request)
    settings = QueueSettings(**body.model_dump())
    created = await operate.configure_queue(
        services.database, principal.tenant_id, name, settings, actor=acting(request, principal)
    )
    with already(f"The queue {name} was set"):
        queue = await services.queues.queue(principal.tenant_id, name)
    return json_reply(queue_json(queue), status=201 if created else 200, headers={"Location": f"/v1/queues/{name}"})


@router.post("/v1/queues/{name}/pause", response_model=Queue, responses=problems(422))
async def pause_queue(request: Request, principal: Writer, name: QueueName) -> Response:
    """Stops the claiming of the tenant's tasks in a queue, known or yet to come; running ones go on."""
    services, tenant_id = services_of(request), principal.tenant_id
    await operate.pause_queue(services.database, tenant_id, name, actor=acting(request, principal))
    with already(f"The queue {name} was paused"):
        queue = await services.queues.queue(tenant_id, name)
    return json_reply(queue_json(queue))


@router.post("/v1/queues/{name}/resume", response_model=Queue, responses=problems(404, 422))
async def resume_queue(request: Request, principal: Writer, name: QueueName) -> Response:
    """Lets the tenant's tasks in a paused queue be claimed again."""
    services, tenant_id = services_of(request), principal.tenant_id
    await operate.resume_queue(services.database, tenant_id, name, actor=acting(request, principal))
    with already(f"The queue {name} was resumed"):
        queue = await services.queues.queue(tenant_id, name)
    return json_reply(queue_json(queue))
