"""The API as a running server: uvicorn, started and stopped by whoever supervises the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from rowlock.api.app import create_app
from rowlock.api.connection import BoundedConnection
from rowlock.api.listener import address_of, listen
from rowlock.config import Settings
from rowlock.store.database import Database
from rowlock.telemetry.logs import get_logger

KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common load balancers, so that they close first

_log = get_logger("rowlock.api")


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to its caller, and says when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    settings: Settings,
    *,
    stop: asyncio.Event,
    url: str | None = None,
    on_ready: Callable[[str], None] | None = None,
    shared: socket.socket | None = None,
) -> None:
    """Serves until `stop` is set, then lets the requests under way finish, for `drain_seconds` at most.

    `url` is the database's, where it is not the settings'. `on_ready` is called with the API's own address once it
    listens. `shared` is a listening socket from which other processes take connections too: metrics are then to be
    had at `metrics_port` alone, where only this process answers. Raises `ConfigurationError` where an address cannot
    be listened on.
    """
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(shared or listen(settings.host, settings.port))
        listeners = [listener]
        if shared is not None and settings.metrics_port is not None:
            own = listen(settings.host, settings.metrics_port, setting="ROWLOCK_METRICS_PORT")
            listeners.append(open_sockets.enter_context(own))

        def listening() -> None:
            address = address_of(listener)
            _log.info("The API listens.", address=address)
            if on_ready is not None:
                on_ready(address)

        async with Database(settings, url=url, name="rowlock api") as database:
            app = create_app(settings, database=database, shared_port=shared.getsockname()[1] if shared else None)
            await _run(_Server(_config(settings, app), listening), listeners, stop)


async def _run(server: uvicorn.Server, listeners: list[socket.socket], stop: asyncio.Event) -> None:
    async def told_to_stop() -> None:
        await stop.wait()
        server.should_exit = True

    waiting = asyncio.create_task(told_to_stop())
    try:
        await server.serve(sockets=listeners)
    finally:
        waiting.cancel()


def _config(settings: Settings, app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        lifespan="on",
        ws="none",
    )
