"""Which queues a worker leaves to others while it cannot begin what comes from them."""

from __future__ import annotations

from collections.abc import Collection

from rowlock.domain.lanes import NO_QUEUES
from rowlock.handlers.handler import Handler
from rowlock.worker.executors import Executors


def needs_of(handlers: Collection[Handler], queues: Collection[str]) -> dict[str, frozenset[str]]:
    """What the handlers of each queue run in. A queue that no handler names is any handler's."""
    of_any = frozenset(handler.executor for handler in handlers)
    return {
        queue: frozenset(handler.executor for handler in handlers if handler.queue == queue) or of_any
        for queue in queues
    }


class Resting:
    """One worker's."""

    def __init__(self, handlers: Collection[Handler], queues: Collection[str], executors: Executors) -> None:
        self._executors = executors
        self._needs = needs_of(handlers, queues)

    @property
    def queues(self) -> frozenset[str]:
        """Those whose handlers all need what is lacking. For a moment after something could not begin also those of
        which any does: nobody could tell before a claim what it would bring. Any handler may take steps."""
        lacking = self._executors.lacking
        if not lacking:
            return NO_QUEUES
        pausing = self._executors.pausing
        return frozenset(
            queue
            for queue, needs in self._needs.items()
            if needs <= lacking or (pausing and ("step" in lacking or needs & lacking))
        )
