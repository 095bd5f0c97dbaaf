"""An idempotency key names one task for as long as it lives: the same for every caller, and for one request only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.harness.history.calls import Ask
from tests.harness.history.case import Case, grouped
from tests.harness.history.rows import TaskRow
from tests.harness.history.violations import Violation, violation

RULE = "idempotency"


def idempotency(case: Case) -> Iterator[Violation]:
    asks = grouped(((ask.tenant, ask.key), ask) for ask in case.history.asks if ask.key is not None)
    for (tenant, key), asked in asks.items():
        told = {ask.answered_id for ask in asked}
        tasks = [row for row in case.tasks.values() if row.id in told or (row.tenant, row.key) == (tenant, key)]
        yield from _two_tasks(f"Key {key} of {tenant}", tasks, asked)
        for answered in grouped((ask.answered_id, ask) for ask in asked if ask.answered_id).values():
            yield from _answered_wrongly(f"Key {key} of {tenant}", answered)
        yield from _refused_wrongly(f"Key {key} of {tenant}", asked)
    for held in case.rows.keys:
        if held.task not in case.tasks:
            yield violation(RULE, f"Key {held.key} of {held.tenant} names task {held.task}, which is not there.", held)


def _two_tasks(key: str, tasks: list[TaskRow], asked: list[Ask]) -> Iterator[Violation]:
    """A second task may be made once the key has been forgotten."""
    lives = min(ask.key_seconds for ask in asked) * 1_000_000
    for earlier, later in pairwise(sorted(tasks, key=lambda row: row.created_at)):
        if later.created_at < earlier.created_at + lives:
            yield violation(RULE, f"{key} names two tasks.", earlier, later, *asked)


def _answered_wrongly(key: str, answered: list[Ask]) -> Iterator[Violation]:
    """All who were told of one task asked for the same, and one of them at most made it."""
    if len({ask.request for ask in answered}) > 1:
        yield violation(RULE, f"{key} answered different requests with one task.", *answered)
    if sum(ask.created for ask in answered) > 1:
        yield violation(RULE, f"{key} told several callers that they had made its task.", *answered)


def _refused_wrongly(key: str, asked: list[Ask]) -> Iterator[Violation]:
    for ask in asked:
        refused = str(ask.call.answer.get("error", "")).startswith("IdempotencyKeyReused")
        if refused and all(other.request == ask.request for other in asked if other.call.may_have_happened):
            yield violation(RULE, f"{key} was refused to a caller who asked for the same as the others.", *asked)
