"""How much a worker may claim from queues whose tasks all need a thread or a child process.

No more than it has places free of that kind, and what it will have begun within a moment, by the pace at which such
tasks ended just now; at most as much again as it has places. What it took beyond that would wait here, under a lease
and perhaps for hours, while another worker has places, and behind it what is more urgent. Where tasks of other queues
wait for places of one kind, those of another are free even so.

Of a queue from which async handlers are served too nobody could tell before a claim what it would bring: it is bounded
by the worker's concurrency alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from rowlock.domain.lanes import Allowance
from rowlock.handlers.handler import Handler
from rowlock.store.leases import ClaimedTask
from rowlock.worker.executors import Executors
from rowlock.worker.pace import Pace
from rowlock.worker.resting import needs_of


class Places:
    """One worker's. `freed` is called when there may be places again after there were none."""

    def __init__(
        self,
        handlers: Collection[Handler],
        queues: Collection[str],
        executors: Executors,
        *,
        ahead_seconds: float,
        freed: Callable[[], None],
    ) -> None:
        self._executors = executors
        self._freed = freed
        self._kinds = {handler.name: handler.executor for handler in handlers if handler.executor != "async"}
        self._held = dict.fromkeys(executors.places, 0)
        self._paces = {kind: Pace(ahead_seconds) for kind in self._held}
        self._are_awaited = False
        alike: dict[frozenset[str], set[str]] = defaultdict(set)
        for queue, needs in needs_of(handlers, queues).items():
            if needs and "async" not in needs:
                alike[needs].add(queue)
        self._bounded = [(needs, frozenset(of_them), dict.fromkeys(self._held, 0)) for needs, of_them in alike.items()]
        self._held_from = {queue: held for _, of_them, held in self._bounded for queue in of_them}

    def allowances(self) -> Sequence[Allowance]:
        """What the next claim may take, of queues whose handlers need the same. What is free of a kind is in each that
        needs it, and it is the claim's part to give it to one."""
        if not self._bounded:
            return ()
        free = {kind: self._free(kind, places) for kind, places in self._executors.places.items()}
        allowances = [
            Allowance(queues, sum(max(free[kind], -held[kind]) for kind in needs), needs)
            for needs, queues, held in self._bounded
        ]
        self._are_awaited = any(allowance.room <= 0 for allowance in allowances)
        return allowances

    def take(self, tasks: Sequence[ClaimedTask]) -> None:
        """They are held from now on."""
        if self._bounded:
            for task in tasks:
                if (kind := self._kinds.get(task.name)) is not None:
                    self._count(task, kind, +1)

    def leave(self, task: ClaimedTask) -> None:
        """It is held no more."""
        if not self._bounded or (kind := self._kinds.get(task.name)) is None:
            return
        self._count(task, kind, -1)
        self._paces[kind].ended()
        if self._are_awaited:
            self._are_awaited = False
            self._freed()

    def _count(self, task: ClaimedTask, kind: str, change: int) -> None:
        self._held[kind] += change
        if (of_alike := self._held_from.get(task.queue)) is not None:
            of_alike[kind] += change

    def _free(self, kind: str, places: int) -> int:
        return places + min(self._paces[kind].ahead(), places) - self._held[kind]
