"""Routes of dead letters: look at them, put them back to work."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from rowlock.api.authentication import Reader, Writer, acting
from rowlock.api.body import json_body
from rowlock.api.dead_letters.models import DeadLetter, RedriveReply, RedriveRequest
from rowlock.api.dead_letters.query import DeadLetterQuery
from rowlock.api.openapi import TAG_DEAD_LETTERS, problems
from rowlock.api.pagination import make_cursor, read_cursor
from rowlock.api.replies import json_reply, page
from rowlock.api.services import services_of
from rowlock.api.tasks.models import TaskPage
from rowlock.api.tasks.wire import execution_json, listed_json, task_json
from rowlock.api.wire import TaskId
from rowlock.engine import inspect, operate

router = APIRouter(tags=[TAG_DEAD_LETTERS])


@router.get("/v1/dead-letters", response_model=TaskPage, responses=problems(422))
async def list_dead_letters(
    request: Request, principal: Reader, query: Annotated[DeadLetterQuery, Query()]
) -> Response:
    """Dead tasks, the newest task first. `error` and `reason` say why they died."""
    after = read_cursor("dead-letters", query.filters(), query.cursor, UUID)
    found = await inspect.list_dead_letters(
        services_of(request).database,
        principal.tenant_id,
        queue=query.queue,
        name=query.name,
        before=after,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    last = str(shown[-1].task.id) if len(found) > query.limit else None
    return page([listed_json(one) for one in shown], last and make_cursor("dead-letters", query.filters(), last))


@router.post("/v1/dead-letters/redrive", response_model=RedriveReply, responses=problems(body=True))
async def redrive_dead_letters(
    request: Request,
    principal: Writer,
    body: Annotated[RedriveRequest, json_body(RedriveRequest, required=False)],
) -> Response:
    """Puts dead letters back to work under their own ids, oldest first, all or none of them."""
    ids = await operate.redrive_dead(
        services_of(request).database,
        principal.tenant_id,
        actor=acting(request, principal),
        queue=body.queue,
        name=body.name,
        limit=body.limit,
    )
    return json_reply({"redriven": len(ids), "ids": ids})


@router.get("/v1/dead-letters/{task_id}", response_model=DeadLetter, responses=problems(404, 422))
async def get_dead_letter(request: Request, principal: Reader, task_id: TaskId) -> Response:
    """One dead task with its traceback and its latest attempts.

    Fewer where 4 MiB of errors and tracebacks are reached.
    """
    found = await inspect.get_dead_letter(services_of(request).database, principal.tenant_id, task_id)
    attempts = [execution_json(one) for one in found.attempts]
    more = {"traceback": found.traceback, "attempts": attempts, "earlier": found.earlier}
    return json_reply({**task_json(found.task), **more})
