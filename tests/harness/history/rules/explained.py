"""Every execution after a task's first is explained, and an ended task is taken up again by a redrive alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.harness.history.case import Attempt, Case, Story
from tests.harness.history.violations import Violation, violation

RULE = "explained"


def explained(case: Case) -> Iterator[Violation]:
    """A lease that ran out, a retry, a snooze, what gives it back unbegun, a redrive: one of these stands between two
    executions."""
    for story in case.stories.values():
        for earlier, later in pairwise(story.attempts):
            if not _explains_another(earlier):
                sentence = f"Task {story.task} was claimed again under lease {later.token}, and nothing says why."
                yield violation(RULE, sentence, *earlier.evidence, *later.evidence)
        yield from _taken_up_again(story)


def _explains_another(attempt: Attempt) -> bool:
    if attempt.execution is None:
        return attempt.maybe_released
    return attempt.outcome != "succeeded"


def _taken_up_again(story: Story) -> Iterator[Violation]:
    """Each end before the last state needs a redrive of its own."""
    attempts = story.attempts
    alive = story.row is not None and not story.row.ended
    ends = [attempt for attempt in attempts if attempt.ended_the_task]
    left = ends if alive else [attempt for attempt in ends if attempt is not attempts[-1]]
    if len(left) > story.redrives:
        sentence = f"Task {story.task} has ended and was taken up again without a redrive."
        yield violation(RULE, sentence, *(shown for attempt in left for shown in attempt.evidence), story.row)
