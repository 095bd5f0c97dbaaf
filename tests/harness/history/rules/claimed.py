"""No execution without a claim, and no handler runs but under a lease of its own process, once."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Attempt, Case
from tests.harness.history.violations import Violation, violation

RULE = "claimed"


def claimed(case: Case) -> Iterator[Violation]:
    unanswered = {call.asked["worker"] for call in case.unanswered("claim")}
    for story in case.stories.values():
        for attempt in story.by_token.values():
            yield from _executed_unclaimed(attempt, unanswered)
            yield from _run_unclaimed(attempt)


def _executed_unclaimed(attempt: Attempt, unanswered: set[int]) -> Iterator[Violation]:
    """A claim whose answer was lost may have granted the lease; then nobody knew of it, and it ran out."""
    for execution in attempt.executions:
        lost_claim = execution.outcome == "lease_expired" and execution.worker in unanswered
        if attempt.lease is None and not lost_claim:
            yield violation(
                RULE, f"Task {attempt.task} was executed under lease {attempt.token}, which nobody claimed.", execution
            )


def _run_unclaimed(attempt: Attempt) -> Iterator[Violation]:
    for run in attempt.runs:
        if attempt.lease is None or attempt.lease.process != run.call.process:
            sentence = f"{run.call.process} ran task {attempt.task} under lease {attempt.token}, which it did not hold."
            yield violation(RULE, sentence, run, *attempt.leases)
    if len(attempt.runs) > 1:
        sentence = f"Task {attempt.task} was run {len(attempt.runs)} times under lease {attempt.token}."
        yield violation(RULE, sentence, *attempt.runs)
