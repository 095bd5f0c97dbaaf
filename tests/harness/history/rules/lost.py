"""Lost = ∅: what was acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case
from tests.harness.history.violations import Violation, violation


def lost(case: Case) -> Iterator[Violation]:
    """Every task that a caller was told of exists at the end, live or ended."""
    for ask in case.history.asks:
        if ask.answered_id is not None and ask.answered_id not in case.tasks:
            yield violation("lost", f"Task {ask.answered_id} was acknowledged, and is not there.", ask)
