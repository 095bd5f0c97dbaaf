"""Attempts are counted right, and there are never more than a task may have."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Attempt, Case, Story
from tests.harness.history.violations import Violation, violation

RULE = "attempts"
SPENT = ("failed", "timed_out", "lease_expired")


def attempts(case: Case) -> Iterator[Violation]:
    """A failure or a lost lease spends an attempt; a snooze and a release spend none; a redrive gives all back."""
    for story in case.stories.values():
        yield from _miscounted(story)
        for attempt in story.attempts:
            yield from _one_too_many(story, attempt)


def _miscounted(story: Story) -> Iterator[Violation]:
    spent, redrives = 0, story.redrives
    for attempt in story.attempts:
        if attempt.number == 1 and spent and redrives:
            spent, redrives = 0, redrives - 1
        if attempt.number != spent + 1:
            sentence = (
                f"Lease {attempt.token} of task {story.task} is attempt {attempt.number}, after {spent} spent ones."
            )
            yield violation(RULE, sentence, *(shown for one in story.attempts for shown in one.evidence))
            return
        spent += attempt.outcome in SPENT
    row = story.row
    if row is not None and row.status == "pending" and row.attempt not in (spent, 0 if redrives else spent):
        yield violation(RULE, f"Task {row.id} counts {row.attempt} attempts, and {spent} are spent.", row)


def _one_too_many(story: Story, attempt: Attempt) -> Iterator[Violation]:
    most = story.row.max_attempts if story.row else attempt.lease.max_attempts if attempt.lease else attempt.number
    if attempt.number > most:
        sentence = f"Lease {attempt.token} of task {story.task} is attempt {attempt.number} of {most}."
        yield violation(RULE, sentence, *attempt.evidence, story.row)
