"""A last word that arrives, although the client is still sending.

A connection that is closed while bytes lie unread, or before others come, is reset, and what the client had received
but not read is lost with it: the answer that says what was wrong. So the server ends only its own side, reads on and
throws away until the client ends its side too, or has had its time.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_SECONDS = 5.0
LINGER_BYTES = 1_048_576


class LingeringConnection(HttpToolsProtocol):
    """A connection that can be closed with a last word."""

    _to_discard: int | None = None  # bytes, once the last word was said
    _cut: asyncio.TimerHandle

    @property
    def closing(self) -> bool:
        """Whether no request is taken any more."""
        return self._to_discard is not None or self.transport.is_closing()

    def close_with(self, last_word: bytes) -> None:
        """Says it, and closes. Nothing may be written after it: a request under way has to be `disconnected`."""
        self._to_discard = LINGER_BYTES
        self._cut = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        self.transport.write(last_word)
        if self.transport.can_write_eof():  # not in TLS
            self.transport.write_eof()
        self.flow.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._to_discard is None:
            super().data_received(data)
            return
        self._to_discard -= len(data)
        if self._to_discard < 0:
            self.transport.abort()

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        if self._to_discard is None:
            super().shutdown()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._to_discard is not None:
            self._cut.cancel()
        super().connection_lost(exc)
