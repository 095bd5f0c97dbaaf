"""The API as a running server: uvicorn, started and stopped by whoever supervises the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from rowlock.api.app import create_app
from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError
from rowlock.store.database import Database
from rowlock.telemetry.logs import get_logger

KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common load balancers, so that they close first
BACKLOG = 2_048
ANYWHERE = {"0.0.0.0", "::", ""}

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
) -> None:
    """Serves until `stop` is set, then lets the requests under way finish, for `drain_seconds` at most.

    `url` is the database's, where it is not the settings'. `on_ready` is called with the API's own address once it
    listens. Raises `ConfigurationError` where the address cannot be listened on.
    """
    listener = _listen(settings.host, settings.port)

    def listening() -> None:
        address = _address(settings.host, listener)
        _log.info("The API listens.", address=address)
        if on_ready is not None:
            on_ready(address)

    with contextlib.closing(listener):
        async with Database(settings, url=url, name="rowlock api") as database:
            await _run(_Server(_config(settings, database), listening), listener, stop)


async def _run(server: uvicorn.Server, listener: socket.socket, stop: asyncio.Event) -> None:
    async def told_to_stop() -> None:
        await stop.wait()
        server.should_exit = True

    waiting = asyncio.create_task(told_to_stop())
    try:
        await server.serve(sockets=[listener])
    finally:
        waiting.cancel()


def _config(settings: Settings, database: Database) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings, database=database),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        lifespan="on",
        ws="none",
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        raise ConfigurationError(
            f"The API cannot listen on {host} port {port}: {error.strerror or error}. "
            "Stop what uses it, or choose another with --port or ROWLOCK_PORT."
        ) from error


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    reachable = "127.0.0.1" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{reachable}:{port}"
