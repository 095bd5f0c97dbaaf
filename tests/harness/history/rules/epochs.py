"""Epochs only grow: each is opened once, and a leader whose epoch is over accounts for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.harness.history.case import Case, grouped
from tests.harness.history.violations import Violation, violation


def epochs(case: Case) -> Iterator[Violation]:
    """Epoch 0 is that of people: changes of schedules and backfills."""
    opened = grouped((call.answer["epoch"], call) for call in case.history.of("elect") if call.ok)
    for epoch, calls in opened.items():
        if len(calls) > 1:
            yield violation("epochs", f"Epoch {epoch} was opened {len(calls)} times.", *calls)
    led = sorted((window for window in case.rows.windows if window.epoch), key=lambda window: window.recorded_at)
    for earlier, later in pairwise(led):
        if later.epoch < earlier.epoch and later.recorded_at > earlier.recorded_at:
            sentence = f"A leader of epoch {later.epoch} fired after one of epoch {earlier.epoch} had."
            yield violation("epochs", sentence, earlier, later)
