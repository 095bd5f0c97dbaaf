"""Stuck = ∅: once the run has come to rest, every task has ended."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case
from tests.harness.history.violations import Violation, violation


def stuck(case: Case) -> Iterator[Violation]:
    """Judged only of a run that waited for all but the tasks that it said it would not wait for."""
    if not case.quiesced:
        return
    for row in case.rows.tasks:
        if not row.ended and not any(ask.waits for ask in case.stories[row.id].asks):
            yield violation("stuck", f"Task {row.id} is still {row.status}, and nothing more happens to it.", row)
