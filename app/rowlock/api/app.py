"""The ASGI app: routes, problems, docs, and the layer around every request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from rowlock.api.dashboard_files import mount_dashboard
from rowlock.api.dead_letters.routes import router as dead_letters
from rowlock.api.direct import DirectRoute
from rowlock.api.docs import serve_docs
from rowlock.api.handlers.routes import router as handlers
from rowlock.api.health.figures import QueueFigures
from rowlock.api.health.routes import router as health
from rowlock.api.keys.audit import router as audit
from rowlock.api.keys.routes import router as keys
from rowlock.api.middleware import RequestLayer
from rowlock.api.openapi import describe
from rowlock.api.problems import install_problem_handlers
from rowlock.api.queues.limits import router as limits
from rowlock.api.queues.routes import router as queues
from rowlock.api.schedules.actions import router as schedule_actions
from rowlock.api.schedules.routes import router as schedules
from rowlock.api.schedules.window_routes import router as schedule_windows
from rowlock.api.services import Services
from rowlock.api.tasks.actions import router as task_actions
from rowlock.api.tasks.routes import create_task_directly
from rowlock.api.tasks.routes import router as tasks
from rowlock.api.workers.routes import router as workers
from rowlock.api.workers.scheduler import router as scheduler
from rowlock.config import Settings
from rowlock.engine.access import KeyRing
from rowlock.engine.admission import Admission
from rowlock.engine.gathered import GatheredEnqueue
from rowlock.engine.queue_board import QueueBoard
from rowlock.store.database import Database
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import process_metrics

ROUTERS = (
    tasks,
    task_actions,
    dead_letters,
    queues,
    limits,
    schedules,
    schedule_windows,
    schedule_actions,
    workers,
    scheduler,
    handlers,
    keys,
    audit,
    health,
)
POOL = "api"
FADES_SECONDS = 30.0  # trouble that no request has met for so long is over, as far as anybody here can tell


def create_app(settings: Settings, *, database: Database | None = None, shared_port: int | None = None) -> FastAPI:
    """The app. It starts whether or not the database can be reached, and serves as soon as it can.

    A database that is given stays open when the app stops; without one the app opens its own. At `shared_port` other
    processes answer too, so figures of this one are not to be had there.
    """
    own = database or Database(settings, name="rowlock api")
    metrics = process_metrics()
    condition = Condition(POOL, fades_seconds=FADES_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await own.open()
        metrics.pools.watch(POOL, own.pool_stats)
        try:
            with metrics.trouble.watching(condition):
                yield
        finally:
            metrics.pools.forget(POOL)
            if database is None:
                await own.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    board = QueueBoard(own)
    app.state.services = Services(
        settings=settings,
        database=own,
        keys=KeyRing(own),
        admission=Admission(own),
        gathered=GatheredEnqueue(own),
        queues=board,
        metrics=metrics,
        condition=condition,
        figures=QueueFigures(board, metrics),
        shared_port=shared_port,
    )
    install_problem_handlers(app, methods_at)
    # Before the documented routes, for the first that matches is taken.
    app.router.routes.append(DirectRoute("/v1/tasks", create_task_directly, methods=["POST"]))
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # complete as they are; to include them would make them anew
    app.openapi = openapi_document  # type: ignore[method-assign]
    serve_docs(app)
    mount_dashboard(app)
    app.add_middleware(RequestLayer, metrics=metrics, condition=condition)
    return app


def methods_at(path: str) -> set[str]:
    """The methods that some route knows at a path."""
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}


@cache
def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, the same for every app."""
    return describe(ROUTERS)
