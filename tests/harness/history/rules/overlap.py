"""Leases of one task never overlap by the database's clock, and none is taken away before it ran out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.harness.history.case import Attempt, Case
from tests.harness.history.violations import Violation, violation

RULE = "overlap"


def overlap(case: Case) -> Iterator[Violation]:
    for story in case.stories.values():
        for earlier, later in pairwise(story.attempts):
            if earlier.ended_at is not None and later.started_at < earlier.ended_at:
                sentence = f"Lease {later.token} of task {story.task} began before lease {earlier.token} ended."
                yield violation(RULE, sentence, *earlier.evidence, *later.evidence)
        for attempt in story.attempts:
            yield from _taken_away_early(case, attempt)


def _taken_away_early(case: Case, attempt: Attempt) -> Iterator[Violation]:
    """A lease expires when its time is over, or when its worker's is."""
    if attempt.lease is None or attempt.outcome != "lease_expired" or attempt.ended_at is None:
        return
    if case.gone_at.get(attempt.lease.worker, attempt.ended_at + 1) <= attempt.ended_at:
        return
    until = max(attempt.lease.until, *(kept.until or 0 for kept in attempt.keepings), 0)
    if attempt.ended_at < until:
        early = (until - attempt.ended_at) / 1_000_000
        sentence = f"Lease {attempt.token} of task {attempt.task} was taken away {early:g} s before it ran out."
        yield violation(RULE, sentence, *attempt.evidence, *attempt.keepings)
