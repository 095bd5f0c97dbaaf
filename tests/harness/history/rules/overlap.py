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
            lasted_until = _lasted_until(case, earlier)
            if lasted_until is not None and later.started_at < lasted_until:
                sentence = f"Lease {later.token} of task {story.task} began before lease {earlier.token} was over."
                yield violation(RULE, sentence, *earlier.evidence, *later.evidence)
        for attempt in story.attempts:
            yield from _taken_away_early(case, attempt)


def _lasted_until(case: Case, attempt: Attempt) -> int | None:
    """When it ended, or else ran out; None where it may have been given back before."""
    if attempt.ended_at is not None:
        return attempt.ended_at
    return None if attempt.maybe_released else _runs_out_at(case, attempt)


def _taken_away_early(case: Case, attempt: Attempt) -> Iterator[Violation]:
    ended_at, runs_out_at = attempt.ended_at, _runs_out_at(case, attempt)
    if attempt.outcome != "lease_expired" or ended_at is None or runs_out_at is None:
        return
    if ended_at < runs_out_at:
        early = (runs_out_at - ended_at) / 1_000_000
        sentence = f"Lease {attempt.token} of task {attempt.task} was taken away {early:g} s before it ran out."
        yield violation(RULE, sentence, *attempt.evidence, *attempt.renewals)


def _runs_out_at(case: Case, attempt: Attempt) -> int | None:
    """Before that a lease has not run out; None where this is not known.

    The last renewal counts, be it for a shorter time; of one without an answer, only that it may have shortened it. A
    worker that is marked as gone loses its leases then.
    """
    if attempt.lease is None:
        return None
    until = attempt.lease.until
    for renewal in attempt.renewals:
        if renewal.until is None:
            return None
        until = renewal.until if renewal.call.ok else min(until, renewal.until)
    gone_from = case.gone_from(attempt.lease.worker)
    return until if gone_from is None else min(until, gone_from)
