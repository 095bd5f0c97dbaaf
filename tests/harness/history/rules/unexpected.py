"""Unexpected = ∅: there is no task that nobody asked for, and a request that failed has left none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.harness.history.case import Case
from tests.harness.history.rows import TaskRow
from tests.harness.history.violations import Violation, violation


def unexpected(case: Case) -> Iterator[Violation]:
    """Tasks that a schedule made are left to `windows`."""
    nameless = _asked_without_id(case)
    for row in case.tasks.values():
        asks = case.stories[row.id].asks
        if row.schedule is not None or any(ask.may_be_stored_as == row.id for ask in asks):
            continue
        if asks:
            yield violation("unexpected", f"Task {row.id} is stored, though its request failed.", *asks, row)
        elif nameless[_kind(row)] > 0:
            nameless[_kind(row)] -= 1
        else:
            yield violation("unexpected", f"Nobody asked for task {row.id}.", row)


def _asked_without_id(case: Case) -> Counter[tuple[str, str, str]]:
    """How many tasks of a kind may be there whose ids the server chose and nobody was told."""
    unknown = (ask for ask in case.history.asks if ask.id is None and not ask.call.ok and ask.call.may_have_happened)
    return Counter((ask.tenant, ask.queue, ask.name) for ask in unknown)


def _kind(row: TaskRow) -> tuple[str, str, str]:
    return row.tenant, row.queue, row.name
