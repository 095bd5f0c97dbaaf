"""Keeps the queues' gauges fresh for Prometheus: read when they are asked for, at most every few seconds."""

from __future__ import annotations

import asyncio
import time

from rowlock.domain.errors import RowlockError
from rowlock.engine.queue_board import QueueBoard
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Metrics

FRESH_SECONDS = 5.0
ANSWER_SECONDS = 5.0

_log = get_logger("rowlock.api")


class QueueFigures:
    """Refreshes one set of metrics.

    Where the database does not answer in time, the gauges stay as they were; the age of their timestamp tells.
    """

    def __init__(self, board: QueueBoard, metrics: Metrics) -> None:
        self._board = board
        self._metrics = metrics
        self._refreshing = asyncio.Lock()
        self._asked_at = float("-inf")

    async def refresh(self) -> None:
        async with self._refreshing:
            if time.monotonic() - self._asked_at < FRESH_SECONDS:
                return
            self._asked_at = time.monotonic()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    self._metrics.queues.update(await self._board.snapshots())
            except (TimeoutError, RowlockError) as error:
                _log.warning("The queues' figures could not be read.", reason=str(error) or "no answer in time")
