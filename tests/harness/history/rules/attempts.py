"""Attempts are counted right, and there are never more than a task may have."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Attempt, Case, Story
from tests.harness.history.violations import Violation, violation

RULE = "attempts"
SPENT = ("failed", "timed_out", "lease_expired")


def attempts(case: Case) -> Iterator[Violation]:
    """A failure or a lost lease spends an attempt; what is snoozed or given back unbegun does not; a redrive gives all
    back.

    Where the last of several attempts lost its lease it may have been given back: what ran beside it may be to blame.
    """
    for story in case.stories.values():
        yield from _miscounted(story)
        for attempt in story.attempts:
            most = _most(story, attempt)
            if attempt.number > most:
                sentence = f"{_the_lease(attempt)} is attempt {attempt.number} of {most}."
                yield violation(RULE, sentence, *attempt.evidence, story.row)


def _miscounted(story: Story) -> Iterator[Violation]:
    spent, redrives = {0}, story.redrives
    for attempt in story.attempts:
        before = attempt.number - 1
        if before == 0 and before not in spent and redrives:
            spent, redrives = {0}, redrives - 1
        if before not in spent:
            sentence = f"{_the_lease(attempt)} is attempt {attempt.number}, after {max(spent)} spent ones."
            yield violation(RULE, sentence, *(shown for one in story.attempts for shown in one.evidence))
            return
        spent = _spent(story, attempt)
    row = story.row
    if row is not None and row.status == "pending" and row.attempt not in (spent | {0} if redrives else spent):
        yield violation(RULE, f"Task {row.id} counts {row.attempt} attempts, and {max(spent)} are spent.", row)


def _the_lease(attempt: Attempt) -> str:
    return f"Lease {attempt.token} of task {attempt.task}"


def _spent(story: Story, attempt: Attempt) -> set[int]:
    """How many attempts may be spent after this one."""
    if attempt.outcome not in SPENT:
        return {attempt.number - 1}
    given_back = attempt.outcome == "lease_expired" and 1 < attempt.number == _most(story, attempt)
    return {attempt.number, attempt.number - 1} if given_back else {attempt.number}


def _most(story: Story, attempt: Attempt) -> int:
    """How many attempts the task may have; as many as there are where nobody knows."""
    if story.row is not None:
        return story.row.max_attempts
    return attempt.lease.max_attempts if attempt.lease else attempt.number
