"""What happens around every request: its id, its span, its place in logs and metrics, the last resort for defects.

One plain ASGI layer, because it lies on the way of every request.
"""

from __future__ import annotations

import re
import time
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rowlock.api.problems import defect_reply, duty_of
from rowlock.api.static_files import MARK
from rowlock.domain.ids import new_id
from rowlock.engine.access import Principal
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.context import bind
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Metrics
from rowlock.telemetry.tracing import request_span

HEADER = "X-Request-Id"
LOGGED_PATH_CHARS = 2_000
DISCONNECTED = 499  # nginx's number for a client that did not wait for the answer
STATIC = "static"
UNMATCHED = "unmatched"
SERVED_FROM_DATABASE = "/v1/"
QUIET_ROUTES = frozenset({"/health/live", "/health/ready", "/metrics", STATIC})

_ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_log = get_logger("rowlock.access")


class RequestLayer:
    """Wraps the app's routes."""

    def __init__(self, app: ASGIApp, metrics: Metrics, condition: Condition) -> None:
        self._app = app
        self._metrics = metrics
        self._condition = condition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope["rowlock.request_id"] = request_id
        answered = _Answered(send, request_id)
        begun = time.perf_counter()
        with bind(request_id=request_id), request_span(scope["method"], headers) as span:
            try:
                await self._app(scope, receive, answered)
            except ClientDisconnect:
                answered.status = DISCONNECTED
            except Exception as error:
                if answered.status:
                    raise  # half an answer is out: only breaking the connection tells the client
                await defect_reply(Request(scope), error)(scope, receive, answered)
            route = getattr(scope.get("route"), "path_format", STATIC if MARK in scope else UNMATCHED)
            if span.is_recording():
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", answered.status)
            self._tell(scope, route, answered.status, time.perf_counter() - begun)

    def _tell(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        self._metrics.record_http(scope["method"], route, status, seconds)
        if status < 300 and route.startswith(SERVED_FROM_DATABASE):
            self._condition.well(duty_of(scope["method"]))
        principal = scope.get("rowlock.principal")
        who: dict[str, Any] = {}
        if isinstance(principal, Principal):
            who = {"tenant_id": principal.tenant_id, "key_id": principal.key_id}
        client = scope.get("client")
        tell = _log.debug if route in QUIET_ROUTES and status < 400 else _log.info
        tell(
            "request",
            method=scope["method"],
            path=scope["path"][:LOGGED_PATH_CHARS],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            client=client[0] if client else None,
            **who,
        )


class _Answered:
    """The way to the client; notes the status and sends the request's id back."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self._request_id
        await self._send(message)


def _request_id(headers: Headers) -> str:
    """The client's, if it is a short word that logs and headers can carry; else a new one."""
    sent = headers.get(HEADER, "")
    return sent if _ACCEPTED.fullmatch(sent) else str(new_id())
