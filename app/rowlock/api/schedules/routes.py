"""Routes of schedules: make, look at, change, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rowlock.api.authentication import Reader, Writer, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_SCHEDULES, problems
from rowlock.api.pagination import PageQuery, make_cursor, read_cursor
from rowlock.api.replies import json_reply, page
from rowlock.api.schedules.models import (
    ScheduleCreate,
    ScheduleDetail,
    SchedulePage,
    SchedulePatch,
)
from rowlock.api.schedules.requests import changes_of, new_schedule, told_by_wire_names
from rowlock.api.schedules.wire import detail_json, schedule_json
from rowlock.api.services import services_of
from rowlock.api.wire import QueueName as ScheduleName
from rowlock.engine import schedules

router = APIRouter(tags=[TAG_SCHEDULES])


@router.post("/v1/schedules", status_code=201, response_model=ScheduleDetail, responses=problems(409, body=True))
async def create_schedule(
    request: Request, principal: Writer, body: Annotated[ScheduleCreate, json_body(ScheduleCreate)]
) -> Response:
    """Makes a schedule. 409 where the name is taken."""
    services, tenant_id = services_of(request), principal.tenant_id
    asked = await new_schedule(services, tenant_id, body)
    made = await schedules.create_schedule(
        services.database, tenant_id, asked, actor=acting(request, principal), paused=body.paused
    )
    return json_reply(detail_json(made), status=201, headers={"Location": f"/v1/schedules/{made.name}"})


@router.get("/v1/schedules", response_model=SchedulePage, responses=problems(422))
async def list_schedules(request: Request, principal: Reader, query: Annotated[PageQuery, Query()]) -> Response:
    """Schedules by name."""
    past = read_cursor("schedules", query.filters(), query.cursor, str)
    found = await schedules.list_schedules(
        services_of(request).database, principal.tenant_id, past=past, limit=query.limit + 1
    )
    shown = found[: query.limit]
    last = shown[-1].name if len(found) > query.limit else None
    return page([schedule_json(one) for one in shown], last and make_cursor("schedules", query.filters(), last))


@router.get("/v1/schedules/{name}", response_model=ScheduleDetail, responses=problems(404, 422))
async def get_schedule(request: Request, principal: Reader, name: ScheduleName) -> Response:
    """One schedule and the windows to come."""
    return json_reply(
        detail_json(await schedules.get_schedule(services_of(request).database, principal.tenant_id, name))
    )


@router.patch("/v1/schedules/{name}", response_model=ScheduleDetail, responses=problems(404, 409, body=True))
async def change_schedule(
    request: Request,
    principal: Writer,
    name: ScheduleName,
    body: Annotated[SchedulePatch, json_body(SchedulePatch)],
) -> Response:
    """Changes some of a schedule. Where its rule changes, its windows count from now on."""
    services, tenant_id = services_of(request), principal.tenant_id
    changes = await changes_of(services, tenant_id, name, body)
    with told_by_wire_names():
        changed = await schedules.update_schedule(
            services.database, tenant_id, name, changes, actor=acting(request, principal)
        )
    return json_reply(detail_json(changed))


@router.delete("/v1/schedules/{name}", status_code=204, responses=problems(404, 422))
async def delete_schedule(request: Request, principal: Writer, name: ScheduleName) -> Response:
    """Deletes a schedule. The tasks it made go on."""
    await schedules.delete_schedule(
        services_of(request).database, principal.tenant_id, name, actor=acting(request, principal)
    )
    return Response(status_code=204)
