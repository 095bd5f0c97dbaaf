"""A run before its judge: the history, the rows, and the story of each task made from both.

`quiesced` says that the run waited until nothing was left to do, so that whatever has not ended never would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from tests.harness.history.calls import Ask, Call, HandlerRun, History, Keeping, Lease, Renewal, Word
from tests.harness.history.rows import ExecutionRow, Rows, TaskRow

ANYBODY = 0
FOREVER = 1 << 62
Value = TypeVar("Value")
Key = TypeVar("Key")
OUTCOMES: dict[str, frozenset[str | None]] = {  # of an attempt, by the word that ended it
    "complete": frozenset({"succeeded"}),
    "complete_with_results": frozenset({"succeeded"}),
    "retry": frozenset({"failed", "timed_out"}),
    "bury": frozenset({"failed", "timed_out"}),
    "snooze": frozenset({"snoozed", "released"}),
    "acknowledge_cancel": frozenset({"cancelled"}),
    "release": frozenset({None}),  # what never began leaves no execution
    "defer": frozenset({None}),
}
UNBEGUN = frozenset(way for way, outcomes in OUTCOMES.items() if None in outcomes)


@dataclass(slots=True)
class Attempt:
    """All that is known under one lease token of one task, from its claim to its execution."""

    task: str
    token: int
    leases: list[Lease] = field(default_factory=list)
    runs: list[HandlerRun] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    keepings: list[Keeping] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)  # in order
    executions: list[ExecutionRow] = field(default_factory=list)

    @property
    def lease(self) -> Lease | None:
        """None where the answer to the claim was lost."""
        return self.leases[0] if self.leases else None

    @property
    def execution(self) -> ExecutionRow | None:
        return self.executions[0] if self.executions else None

    @property
    def granted(self) -> bool:
        """Whether there was such a lease: somebody heard of it, or its end is on record."""
        return bool(self.leases or self.executions)

    @property
    def number(self) -> int:
        """Which attempt of the task it is."""
        return self._known.attempt

    @property
    def started_at(self) -> int:
        return self._known.started_at

    @property
    def ended_at(self) -> int | None:
        """When it ended, at last; None where it goes on, or was given back unbegun."""
        return max((execution.finished_at for execution in self.executions), default=None)

    @property
    def outcome(self) -> str | None:
        return self.execution.outcome if self.execution else None

    @property
    def maybe_released(self) -> bool:
        return any(word.way in UNBEGUN and word.may_count for word in self.words)

    @property
    def ended_the_task(self) -> bool:
        """Whether nothing but a redrive may follow it."""
        buried = self.outcome in OUTCOMES["bury"] and any(word.way == "bury" and word.may_count for word in self.words)
        return buried or self.outcome in ("succeeded", "cancelled")

    @property
    def evidence(self) -> list[object]:
        return [*self.leases, *self.runs, *self.words, *self.executions]

    @property
    def _known(self) -> Lease | ExecutionRow:
        return self.leases[0] if self.leases else self.executions[0]


@dataclass(slots=True)
class Story:
    """One task from who asked for it to what is left of it."""

    task: str
    asks: list[Ask] = field(default_factory=list)
    rows: list[TaskRow] = field(default_factory=list)
    cancels: int = 0
    redrives: int = 0
    by_token: dict[int, Attempt] = field(default_factory=dict)

    def under(self, token: int) -> Attempt:
        return self.by_token.setdefault(token, Attempt(self.task, token))

    @property
    def row(self) -> TaskRow | None:
        return self.rows[0] if self.rows else None

    def surely_over_at(self, attempt: Attempt) -> int | None:
        """When a later lease of the task was surely granted, and this one over; None where nobody can tell.

        `ended_at` cannot: it is when the transaction began that ended it, and a renewal may have slipped in before.
        """
        later = (other.lease for other in self.by_token.values() if other.token > attempt.token)
        return min((lease.granted_by for lease in later if lease and lease.granted_by is not None), default=None)

    @property
    def attempts(self) -> list[Attempt]:
        """Those that were granted, in the order of their tokens."""
        return sorted((held for held in self.by_token.values() if held.granted), key=lambda held: held.token)


class Case:
    """What the rules judge."""

    def __init__(self, history: History, rows: Rows, *, quiesced: bool = False) -> None:
        self.history = history
        self.rows = rows
        self.quiesced = quiesced

    @cached_property
    def stories(self) -> dict[str, Story]:
        """By the task's id."""
        stories: dict[str, Story] = {}

        def story(task: str) -> Story:
            return stories.setdefault(task, Story(task))

        for ask in self.history.asks:
            for task in {ask.id, ask.answered_id} - {None}:
                story(str(task)).asks.append(ask)
        for row in self.rows.tasks:
            story(row.id).rows.append(row)
        for lease in self.history.leases:
            story(lease.task).under(lease.token).leases.append(lease)
        for run in self.history.runs:
            story(run.task).under(run.token).runs.append(run)
        for word in self.history.words:
            story(word.task).under(word.token).words.append(word)
        for kept in self.history.keepings:
            story(kept.task).under(kept.token).keepings.append(kept)
        for renewal in sorted(self.history.renewals, key=lambda renewal: renewal.since or 0):
            story(renewal.task).under(renewal.token).renewals.append(renewal)
        for execution in self.rows.executions:
            story(execution.task).under(execution.token).executions.append(execution)
        for noted in self.rows.audit:
            story(noted.task).cancels += noted.action == "task.cancel"
            story(noted.task).redrives += noted.action == "task.redrive"
        return stories

    @cached_property
    def attempts(self) -> list[Attempt]:
        """All that were granted."""
        return [attempt for story in self.stories.values() for attempt in story.attempts]

    @cached_property
    def tasks(self) -> Mapping[str, TaskRow]:
        """The row of each task; where there are two, one of them."""
        return {row.id: row for row in self.rows.tasks}

    def gone_from(self, worker: int) -> int | None:
        """The first instant at which a worker stopped or may have been marked as gone, and what it held given back.

        One that lives, and says so afterwards, has no mark in its row any more.
        """
        instants = (self._stopped_at.get(worker), self._expired_since.get(worker), self._expired_since.get(ANYBODY))
        return min((instant for instant in instants if instant is not None), default=None)

    @cached_property
    def _stopped_at(self) -> Mapping[int, int]:
        return {worker.id: worker.stopped_at for worker in self.rows.workers if worker.stopped_at is not None}

    @cached_property
    def _expired_since(self) -> Mapping[int, int]:
        """Of `ANYBODY`, where it was not answered who is marked."""
        since: dict[int, int] = {}
        for call in self.history.of("expire"):
            if call.may_have_happened:
                for worker in call.answer["workers"] if call.ok else (ANYBODY,):
                    since[worker] = min(since.get(worker, FOREVER), call.asked["since"] or 0)
        return since

    def unanswered(self, *operations: str) -> list[Call]:
        """Calls of which nobody knows what they did."""
        return [call for call in self.history.of(*operations) if call.may_have_happened and not call.ok]


def grouped(values: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """Values by their keys, in order."""
    groups: dict[Key, list[Value]] = defaultdict(list)
    for key, value in values:
        groups[key].append(value)
    return groups
