"""The small HTTP server of workers and schedulers: `/metrics`, `/health/live` and `/health/ready`.

It runs in threads of its own, so it answers even when the event loop is stuck; the health callable
is called there, must not block, and says whether the loop still turns. (The API serves the same
three routes itself.)
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from rowlock.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Whether the process lives (else restart it), is ready (else send it no work), and why not."""

    live: bool
    ready: bool
    reasons: tuple[str, ...] = ()


class MetricsServer:
    """A running server; `close()` ends it and its threads. Also a context manager."""

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        server = _IPv6Server if ":" in host else ThreadingWSGIServer
        try:
            self._server = make_server(host, port, app, server, _QuietHandler)
        except OSError as error:
            raise ConfigurationError(
                f"Metrics cannot be served on {host} port {port}: {error.strerror or error}. Each process needs a port "
                "to itself: choose one that is free with ROWLOCK_METRICS_PORT, at an address of this machine "
                "(ROWLOCK_METRICS_HOST), or stop what uses it."
            ) from error
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port listened on: the one asked for, or the one chosen when that was 0."""
        return self._server.server_port

    def close(self) -> None:
        """Stop listening. Calling it twice is fine."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def serve_metrics(
    port: int,
    registry: CollectorRegistry,
    health: Callable[[], HealthReport],
    *,
    host: str,
) -> MetricsServer:
    """Serve until closed; raises `ConfigurationError` when the port is taken. Port 0 takes a free one."""
    metrics: WSGIApplication = make_wsgi_app(registry)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/health/live":
                report = health()
                return _answer(start_response, report.live, report)
            case "/health/ready":
                report = health()
                return _answer(start_response, report.live and report.ready, report)
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"Ask for /metrics, /health/live or /health/ready.\n"]

    return MetricsServer(app, host, port)


def _answer(start_response: StartResponse, good: bool, report: HealthReport) -> list[bytes]:
    status = "200 OK" if good else "503 Service Unavailable"
    word = "unavailable" if not good else "degraded" if report.reasons else "ok"
    start_response(status, [("Content-Type", "application/json")])
    body = {"status": word, "reasons": report.reasons}
    return [json.dumps(body).encode()]


class _IPv6Server(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests, and lets no client hold a thread for longer than `timeout` seconds."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Log nothing."""
