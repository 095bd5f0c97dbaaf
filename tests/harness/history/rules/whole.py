"""A batch whose answer was lost is stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case, grouped
from tests.harness.history.violations import Violation, violation


def whole(case: Case) -> Iterator[Violation]:
    """Tasks with a key are left out: an earlier one may have answered them."""
    unknown = {id(call) for call in case.unanswered("enqueue")}
    asks = (ask for ask in case.history.asks if id(ask.call) in unknown and ask.id and not ask.key)
    batches = grouped((id(ask.call), ask) for ask in asks)
    for batch in batches.values():
        stored = [ask for ask in batch if ask.id in case.tasks]
        if 0 < len(stored) < len(batch):
            yield violation("whole", f"Of a batch of {len(batch)} tasks {len(stored)} are stored.", batch[0])
