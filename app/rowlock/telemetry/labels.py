"""Bounds on label values: names invented by callers cannot grow the number of time series for ever.

The first values that come are kept as they are; later ones are counted together as `other`.
Nothing is remembered of a value that was turned away, so memory is bounded too.
"""

from __future__ import annotations

from threading import Lock

OTHER = "other"


class BoundedLabel:
    """One label: the first `limit` distinct values pass, every later one becomes `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()
        self._lock = Lock()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        with self._lock:
            if value not in self._known and len(self._known) >= self._limit:
                return OTHER
            self._known.add(value)
        return value


class TaskLabels:
    """The pair of queue and task name: at most `max_queues` queues and `max_pairs` pairs pass.

    A pair beyond the bound keeps its queue where that is known, as (queue, other), so there are
    never more than `max_pairs + max_queues + 1` label sets.
    """

    def __init__(self, max_queues: int = 100, max_pairs: int = 500) -> None:
        self.queue = BoundedLabel(max_queues)
        self._max_pairs = max_pairs
        self._known: set[tuple[str, str]] = set()
        self._lock = Lock()

    def __call__(self, pair: tuple[str, str]) -> tuple[str, str]:
        if pair in self._known:
            return pair
        queue = self.queue(pair[0])
        with self._lock:
            if queue != pair[0] or (pair not in self._known and len(self._known) >= self._max_pairs):
                return queue, OTHER
            self._known.add(pair)
        return pair
