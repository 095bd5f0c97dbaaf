"""Caps are exact: at no instant of the database does a lane run more than it may.

A lease surely runs from when its claim was answered (`granted_by`) until it ended, ran out or was perhaps given back.
When a lease is granted, those that surely run and itself are no more than the cap was at any time since they began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.harness.history.calls import Call, Lease
from tests.harness.history.case import Attempt, Case, grouped
from tests.harness.history.violations import Violation, violation

Lane = tuple[str, str]
FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Span:
    """A time during which a lease surely ran."""

    lease: Lease
    start: int
    end: int


def caps(case: Case) -> Iterator[Violation]:
    set_by = grouped(((call.asked["queue"], call.asked["lane"]), call) for call in case.history.of("cap"))
    left = {(limit.queue, limit.lane): limit.max_running for limit in case.rows.limits}
    lanes = grouped(((span.lease.queue, span.lease.lane), span) for span in _spans(case))
    for lane, spans in lanes.items():
        calls = sorted(set_by.get(lane, ()), key=_since)
        # A worker that has not heard of a new cap yet still claims without looking at it.
        counted = [span for span in spans if span.lease.capped] if calls else spans
        if calls or lane in left:
            yield from _exceeded(lane, counted, calls, left)


def _exceeded(lane: Lane, spans: list[Span], calls: list[Call], left: Mapping[Lane, int]) -> Iterator[Violation]:
    for granted in spans:
        running = [span for span in spans if span.start <= granted.start < span.end]
        if granted not in running:
            continue
        most = _most_allowed(calls, left.get(lane), min(span.lease.started_at for span in running), granted.start)
        if most is not None and len(running) > most:
            sentence = f"Lane {lane[1]} of queue {lane[0]} ran {len(running)} tasks at once, and its cap is {most}."
            yield violation("caps", sentence, *(span.lease for span in running), *calls)
            return


def _most_allowed(calls: list[Call], left: int | None, since: int, until: int) -> int | None:
    """The highest cap that may have been in force in that time; None where there may have been none.

    Without a call on record the cap that was left is the one that always was. A cap may be in force from before it was
    asked for until after the next one was answered.
    """
    if not calls:
        return left
    over_at = [*(call.answer.get("by") or FOREVER for call in calls[1:]), FOREVER]
    in_force = [
        call.asked["max_running"]
        for call, over in zip(calls, over_at, strict=True)
        if _since(call) <= until and over > since and call.may_have_happened
    ]
    return None if _since(calls[0]) >= since or None in in_force else max(in_force, default=None)


def _since(call: Call) -> int:
    return int(call.asked["since"] or 0)


def _spans(case: Case) -> Iterator[Span]:
    for attempt in case.attempts:
        lease = attempt.lease
        if lease is not None and lease.granted_by is not None:
            gone_from = case.gone_from(lease.worker)
            until = _surely_until(attempt, lease)
            yield Span(lease, lease.granted_by, until if gone_from is None else min(until, gone_from))


def _surely_until(attempt: Attempt, lease: Lease) -> int:
    """A renewal prolongs a lease without a gap where it was answered before the lease ran out."""
    until = lease.until
    for renewal in attempt.renewals:
        prolonged = renewal.until or lease.started_at
        in_time = renewal.call.ok and renewal.by is not None and renewal.by <= until
        until = prolonged if in_time else min(until, prolonged)
    if attempt.ended_at is not None:
        return min(until, attempt.ended_at)
    given_back = [word.call.asked.get("since") or lease.started_at for word in attempt.words if word.may_count]
    return min([until, *given_back])
