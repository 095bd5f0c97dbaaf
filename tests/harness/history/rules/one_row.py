"""A task is one row, live or filed, never both."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case
from tests.harness.history.violations import Violation, violation


def one_row(case: Case) -> Iterator[Violation]:
    for story in case.stories.values():
        if len(story.rows) > 1:
            yield violation("one_row", f"Task {story.task} is stored {len(story.rows)} times.", *story.rows)
