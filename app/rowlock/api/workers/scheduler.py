"""Whether a scheduler leads. Every key may ask, since every tenant's schedules and deadlines depend on it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from rowlock.api.authentication import READERS_ONLY
from rowlock.api.openapi import TAG_FLEET, problems
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.wire import utc
from rowlock.engine.elect import leadership

router = APIRouter(tags=[TAG_FLEET])


class Scheduler(BaseModel):
    """Whether a scheduler leads. The one that does fires schedules, keeps deadlines and makes partitions."""

    leads: bool
    renewed_at: datetime | None = Field(description="When a leader last said that it leads; null where none ever did.")


@router.get("/v1/scheduler", response_model=Scheduler, responses=problems(), dependencies=[READERS_ONLY])
async def get_scheduler(request: Request) -> Response:
    """Whether a scheduler leads, and when one last said so."""
    leads, leader = await leadership(services_of(request).database)
    return json_reply({"leads": leads, "renewed_at": utc(leader.renewed_at) if leader else None})
