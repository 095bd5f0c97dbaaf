"""Routes of a schedule's windows: those accounted for, those to come, why one did not fire, and firing it after all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rowlock.api.authentication import Reader, Writer, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_SCHEDULES, problems
from rowlock.api.pagination import PageQuery, make_cursor, read_cursor
from rowlock.api.replies import json_reply, page
from rowlock.api.schedules.requests import told_by_wire_names, tried_rule
from rowlock.api.schedules.window_models import (
    Backfilled,
    BackfillRange,
    ExplainQuery,
    Preview,
    PreviewQuery,
    RulePreview,
    WindowExplanation,
    WindowPage,
)
from rowlock.api.schedules.wire import backfilled_json, explanation_json, preview_json, window_json
from rowlock.api.services import services_of
from rowlock.api.wire import QueueName as ScheduleName
from rowlock.engine import previews, schedules
from rowlock.engine.backfill import backfill
from rowlock.engine.explain_window import explain_window

router = APIRouter(tags=[TAG_SCHEDULES])


@router.post("/v1/schedules/preview", response_model=Preview, responses=problems(body=True))
async def preview_rule(request: Request, _: Reader, body: Annotated[RulePreview, json_body(RulePreview)]) -> Response:
    """What a rule would do: in English, and its next windows. Nothing is stored."""
    rule = tried_rule(body)
    with told_by_wire_names():
        preview = await previews.preview_rule(services_of(request).database, rule, body.limit)
    return json_reply(preview_json(preview))


@router.get("/v1/schedules/{name}/preview", response_model=Preview, responses=problems(404, 422))
async def preview_schedule(
    request: Request, principal: Reader, name: ScheduleName, query: Annotated[PreviewQuery, Query()]
) -> Response:
    """The windows to come of a schedule, and when each is due."""
    schedule = await schedules.get_schedule(services_of(request).database, principal.tenant_id, name)
    return json_reply(preview_json(previews.preview_of(schedule, query.limit)))


@router.get("/v1/schedules/{name}/windows", response_model=WindowPage, responses=problems(404, 422))
async def list_windows(
    request: Request, principal: Reader, name: ScheduleName, query: Annotated[PageQuery, Query()]
) -> Response:
    """Windows that are accounted for, newest first: fired with their task, or skipped with the reason."""
    listing = f"windows of {name}"
    before = read_cursor(listing, query.filters(), query.cursor, datetime.fromisoformat)
    found = await schedules.list_windows(
        services_of(request).database,
        principal.tenant_id,
        name,
        before=before,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    last = shown[-1].window_at.isoformat() if len(found) > query.limit else None
    return page([window_json(one) for one in shown], last and make_cursor(listing, query.filters(), last))


@router.get("/v1/schedules/{name}/explain", response_model=WindowExplanation, responses=problems(404, 422))
async def explain(
    request: Request, principal: Reader, name: ScheduleName, query: Annotated[ExplainQuery, Query()]
) -> Response:
    """Why a window fired or not, and what to do about it."""
    explained = await explain_window(services_of(request).database, principal.tenant_id, name, query.window)
    return json_reply(explanation_json(explained))


@router.post("/v1/schedules/{name}/backfill", response_model=Backfilled, responses=problems(404, 409, body=True))
async def backfill_schedule(
    request: Request, principal: Writer, name: ScheduleName, body: Annotated[BackfillRange, json_body(BackfillRange)]
) -> Response:
    """Fires past windows that never fired, at most 10,000, each as a task that carries its window. Safe to repeat."""
    done = await backfill(
        services_of(request).database,
        principal.tenant_id,
        name,
        since=body.since,
        until=body.until,
        actor=acting(request, principal),
    )
    return json_reply(backfilled_json(done))
