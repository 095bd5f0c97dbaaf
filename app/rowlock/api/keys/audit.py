"""The audit log over REST: what was done to one thing, and by whom."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.authentication import Admin
from rowlock.api.keys.models import AuditList
from rowlock.api.openapi import TAG_ACCESS, problems
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.wire import utc
from rowlock.engine import inspect

router = APIRouter(tags=[TAG_ACCESS])


class AuditQuery(BaseModel):
    """Which thing."""

    model_config = ConfigDict(extra="forbid")

    subject_kind: Literal["task", "queue", "schedule", "key"]
    subject_id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/v1/audit", response_model=AuditList, responses=problems(422))
async def list_audit(request: Request, principal: Admin, query: Annotated[AuditQuery, Query()]) -> Response:
    """What was done to a task, queue, schedule or key of the tenant, latest first."""
    found = await inspect.get_audit(
        services_of(request).database, principal.tenant_id, query.subject_kind, query.subject_id, limit=query.limit
    )
    items = [
        {
            "at": utc(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "subject_kind": entry.subject_kind,
            "subject_id": entry.subject_id,
            "detail": entry.detail,
            "request_id": entry.request_id,
        }
        for entry in found
    ]
    return json_reply({"items": items})
