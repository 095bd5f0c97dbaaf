"""Connections: how much a client may send, and how long it may take, before its request is whole.

uvicorn bounds neither the head of a request nor the time in which it comes, and whoever reaches the port can send one.
So a connection is closed that sends 64 KiB of anything but a body without completing a head, or that keeps the server
waiting: for a head 20 seconds, for a body as long again as it brings a thousand bytes a second. Between two requests it
may rest for as long as `server.KEEP_ALIVE_SECONDS`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from rowlock.api.lingering import LingeringConnection
from rowlock.telemetry.logs import get_logger

MAX_HEAD_BYTES = 65_536
PATIENCE_SECONDS = 20.0
LEAST_BODY_RATE = 1_000  # bytes a second
LOOK_SECONDS = 5.0  # between two looks at a connection, which cost a request nothing

TOO_LARGE = f"The request's line, headers or trailers are larger than {MAX_HEAD_BYTES} bytes. Send less."
TOO_SLOW = "The request did not come in time. Send it again, faster."

_log = get_logger("rowlock.api")


class BoundedConnection(LingeringConnection):
    """One connection of a client."""

    _barren = 0  # bytes since a head was complete or a body went on
    _body = 0  # bytes of bodies since what is owed was first seen
    _owed: tuple[RequestResponseCycle | None, bool] | None = (None, True)
    _since: float
    _next_look: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._since = self.loop.time()
        self._next_look = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._barren += len(data)
        super().data_received(data)
        if self._barren > MAX_HEAD_BYTES and not self.closing:
            self._close(431, TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._barren = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._barren = 0
        self._body += len(body)
        super().on_body(body)

    def _look(self) -> None:
        now, owed = self.loop.time(), self._what_is_owed()
        if owed != self._owed:
            self._owed, self._since, self._body = owed, now, 0
        elif owed is not None:
            _, head = owed
            if now > self._since + PATIENCE_SECONDS + (0 if head else self._body / LEAST_BODY_RATE):
                self._close(408, TOO_SLOW)
                return
        self._next_look = self.loop.call_later(LOOK_SECONDS, self._look)

    def _what_is_owed(self) -> tuple[RequestResponseCycle | None, bool] | None:
        """The latest request, and whether a head after it (else its body) is what the client keeps us waiting for."""
        latest = self._latest()
        if latest is None or latest.response_complete:
            # As long as uvicorn's timer runs, no byte of another request has come.
            return (latest, True) if self.timeout_keep_alive_task is None else None
        waiting = latest.more_body and not latest.waiting_for_100_continue and not self.flow.read_paused
        return (latest, False) if waiting else None

    def _latest(self) -> RequestResponseCycle | None:
        return self.cycle  # None before the first, whatever uvicorn's types say

    def _close(self, status: int, sentence: str) -> None:
        self._next_look.cancel()
        _log.info("A connection was closed.", reason=sentence, client=self.client[0] if self.client else None)
        latest = self._latest()
        if latest is None or latest.response_complete:
            answerable = self._barren > 0
        else:
            # An answer to what comes later would be taken for the answer to this one.
            answerable = latest.more_body and not latest.response_started and not self.pipeline
            latest.disconnected, latest.waiting_for_100_continue = True, False
            latest.message_event.set()
        if answerable:
            head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.close_with(STATUS_LINE[status] + head % len(sentence) + sentence.encode())
        else:
            self.transport.close()
