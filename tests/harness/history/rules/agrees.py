"""The row that is left agrees with the outcome that was accepted."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from tests.harness.history.case import Attempt, Case, Story
from tests.harness.history.rows import TaskRow
from tests.harness.history.violations import Violation, violation

RULE = "agrees"
LAST_OUTCOMES: dict[str, tuple[str | None, ...]] = {
    "succeeded": ("succeeded",),
    "dead": ("failed", "timed_out", "lease_expired"),
    "cancelled": ("cancelled", "lease_expired"),
    "running": (None,),
}


def agrees(case: Case) -> Iterator[Violation]:
    for story in case.stories.values():
        row = story.row
        if row is None:
            continue
        if row.token is None:
            yield from _without_a_lease(story, row)
        elif row.token in story.by_token and story.by_token[row.token].granted:
            yield from _under_a_lease(story, row, story.by_token[row.token])
        elif row.ended or not case.unanswered("claim"):
            yield violation(RULE, f"Task {row.id} is {row.status} under lease {row.token}, which nobody held.", row)


def _without_a_lease(story: Story, row: TaskRow) -> Iterator[Violation]:
    """It waits, or was cancelled while it did, or its deadline passed."""
    if row.status in ("succeeded", "running") or (row.status == "dead" and row.reason != "expired"):
        yield violation(RULE, f"Task {row.id} is {row.status} without a lease.", row)
    if row.status == "cancelled" and not story.cancels:
        yield violation(RULE, f"Task {row.id} is cancelled, and nobody cancelled it.", row)
    newest = story.attempts[-1] if story.attempts else None
    if newest is not None and newest.execution is None and not newest.maybe_released:
        sentence = f"Task {row.id} is {row.status}, and its lease {newest.token} never ended."
        yield violation(RULE, sentence, row, *newest.evidence)


def _under_a_lease(story: Story, row: TaskRow, attempt: Attempt) -> Iterator[Violation]:
    if attempt.outcome not in LAST_OUTCOMES.get(row.status, ()):
        sentence = f"Task {row.id} is {row.status}, and its lease {row.token} ended as {attempt.outcome or 'nothing'}."
        yield violation(RULE, sentence, row, *attempt.evidence)
    if attempt is not story.attempts[-1]:
        sentence = f"Task {row.id} is {row.status} under lease {row.token}, which is not its newest."
        yield violation(RULE, sentence, row, *attempt.evidence, *story.attempts[-1].evidence)
    if row.attempt != attempt.number:
        sentence = (
            f"Task {row.id} counts {row.attempt} attempts, and its lease {row.token} was number {attempt.number}."
        )
        yield violation(RULE, sentence, row, *attempt.evidence)
    results = [word.result for word in attempt.words if word.may_count]
    if row.status == "succeeded" and results and row.result not in [_read(result) for result in results]:
        yield violation(
            RULE, f"The result of task {row.id} is not what lease {row.token} returned.", row, *attempt.words
        )


def _read(result: str | None) -> object:
    return None if result is None else orjson.loads(result)
