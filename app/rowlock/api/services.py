"""What the routes work with, made once for each app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from rowlock.api.health.figures import QueueFigures
from rowlock.config import Settings
from rowlock.engine.access import KeyRing
from rowlock.engine.admission import Admission
from rowlock.engine.gathered import GatheredEnqueue
from rowlock.engine.queue_board import QueueBoard
from rowlock.store.database import Database
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Services:
    """Settings, database, and what is remembered of it for a moment."""

    settings: Settings
    database: Database
    keys: KeyRing
    admission: Admission
    gathered: GatheredEnqueue
    queues: QueueBoard
    metrics: Metrics
    condition: Condition
    figures: QueueFigures
    shared_port: int | None  # where any of several processes may answer


def services_of(request: Request) -> Services:
    """The services of the app that serves the request."""
    return cast(Services, request.app.state.services)
