"""The decision about an ended attempt, as a table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import MAX_DELAY, MAX_ERROR_CHARS, MAX_TRACEBACK_CHARS
from rowlock.domain.decide import (
    Bury,
    CancelDone,
    CancelRequested,
    DeadlinePassed,
    Raised,
    ReasonCode,
    Result,
    RetryLater,
    Returned,
    SnoozeFor,
    Succeed,
    TimedOut,
    Transition,
    decide,
)
from rowlock.domain.outcomes import Cancel, Fail, Outcome, Retry, Snooze
from rowlock.domain.retry import RetryPolicy

POLICY = RetryPolicy(jitter="none", give_up_on=(PermissionError,))
MINUTE = timedelta(minutes=1)
UNUSABLE = "\nThis outcome cannot be used: its delay is neither a timedelta nor a number of seconds."


def decided(result: Result, *, attempt: int = 2, max_attempts: int = 4, **more: Any) -> Transition:
    return decide(result, attempt=attempt, max_attempts=max_attempts, policy=POLICY, random=lambda: 0.5, **more)


@pytest.mark.parametrize(
    ("result", "transition"),
    [
        (Returned(None), Succeed(None)),
        (Returned({"n": 1}), Succeed({"n": 1})),
        (
            Raised(ValueError("bad"), "Traceback …"),
            RetryLater(timedelta(seconds=2), ReasonCode.ERROR, "ValueError: bad", "Traceback …"),
        ),
        (Raised(PermissionError("no"), "t"), Bury(ReasonCode.FAILED_FOR_GOOD, "PermissionError: no", "t")),
        (Raised(SystemExit(1)), Bury(ReasonCode.FAILED_FOR_GOOD, "SystemExit: 1")),
        (
            TimedOut(MINUTE),
            RetryLater(timedelta(seconds=2), ReasonCode.TIMEOUT, "The attempt ran longer than its timeout of 0:01:00."),
        ),
        (
            Raised(Retry("Busy.")),
            RetryLater(timedelta(seconds=2), ReasonCode.RETRY_REQUESTED, "Busy."),
        ),
        (Raised(Retry("Busy.", after=MINUTE)), RetryLater(MINUTE, ReasonCode.RETRY_REQUESTED, "Busy.")),
        (Raised(Retry("Busy.", after=-MINUTE)), RetryLater(timedelta(0), ReasonCode.RETRY_REQUESTED, "Busy.")),
        (Raised(Retry("Busy.", after=timedelta.max)), RetryLater(MAX_DELAY, ReasonCode.RETRY_REQUESTED, "Busy.")),
        (Raised(Retry("Busy.", after=60)), RetryLater(MINUTE, ReasonCode.RETRY_REQUESTED, "Busy.")),
        (Raised(Retry("Busy.", after=float("inf"))), RetryLater(MAX_DELAY, ReasonCode.RETRY_REQUESTED, "Busy.")),
        (Raised(Retry("Busy.", after=-1e99)), RetryLater(timedelta(0), ReasonCode.RETRY_REQUESTED, "Busy.")),
        (
            Raised(Retry("Busy.", after="5 s")),  # type: ignore[arg-type]  # what callers do all the same
            RetryLater(timedelta(seconds=2), ReasonCode.ERROR, "rowlock.domain.outcomes.Retry: Busy." + UNUSABLE),
        ),
        (Raised(Fail("Gone."), "t"), Bury(ReasonCode.FAILED_FOR_GOOD, "Gone.", "t")),
        (Raised(Fail(404)), Bury(ReasonCode.FAILED_FOR_GOOD, "404")),  # type: ignore[arg-type]
        (Raised(Snooze(MINUTE, "Not yet.")), SnoozeFor(MINUTE, "Not yet.", ReasonCode.SNOOZED)),
        (Raised(Snooze(-MINUTE, "Not yet.")), SnoozeFor(timedelta(0), "Not yet.")),
        (Raised(Snooze(timedelta.max, "Not yet.")), SnoozeFor(MAX_DELAY, "Not yet.")),
        (Raised(Snooze(0.5, "Not yet.")), SnoozeFor(timedelta(milliseconds=500), "Not yet.")),
        (
            Raised(Snooze(float("nan"), "Not yet.")),
            RetryLater(timedelta(seconds=2), ReasonCode.ERROR, "rowlock.domain.outcomes.Snooze: Not yet." + UNUSABLE),
        ),
        (Raised(Cancel("Unwanted.")), CancelDone("Unwanted.", ReasonCode.CANCELLED)),
        (CancelRequested(), CancelDone("The task was cancelled while it ran.", ReasonCode.CANCELLED)),
        (
            CancelRequested(forced=True),
            CancelDone("The task was cancelled while it ran. Its handler was stopped.", ReasonCode.CANCEL_FORCED),
        ),
        (
            DeadlinePassed(),
            Bury(ReasonCode.EXPIRED, "The task's deadline passed before it had finished.", timed_out=True),
        ),
    ],
)
def test_each_end_leads_to_its_transition(result: Result, transition: Transition) -> None:
    assert decided(result) == transition


@pytest.mark.parametrize("attempt", [4, 5])
@pytest.mark.parametrize(
    ("result", "error"),
    [
        (Raised(ValueError("bad")), "ValueError: bad"),
        (Raised(Retry("Busy.", after=MINUTE)), "Busy."),
        (TimedOut(MINUTE), "The attempt ran longer than its timeout of 0:01:00."),
    ],
)
def test_the_last_attempt_buries(result: Result, error: str, attempt: int) -> None:
    timed_out = isinstance(result, TimedOut)
    assert decided(result, attempt=attempt) == Bury(ReasonCode.ATTEMPTS_EXHAUSTED, error, timed_out=timed_out)


@pytest.mark.parametrize(
    "result", [Returned(1), Raised(Snooze(MINUTE)), Raised(Cancel()), Raised(Fail("Gone.")), CancelRequested()]
)
def test_what_spends_no_retry_is_the_same_on_the_last_attempt(result: Result) -> None:
    assert decided(result, attempt=4) == decided(result, attempt=1)


SECOND = timedelta(seconds=1)
CANCELLED = "The task was cancelled while it ran."


@pytest.mark.parametrize(
    ("result", "time_left", "transition"),
    [
        (Returned(1), -SECOND, Succeed(1)),
        (Raised(ValueError("bad")), 3 * SECOND, RetryLater(2 * SECOND, ReasonCode.ERROR, "ValueError: bad")),
        (Raised(ValueError("bad"), "t"), 2 * SECOND, Bury(ReasonCode.EXPIRED, "ValueError: bad", "t")),
        (Raised(ValueError("bad")), -SECOND, Bury(ReasonCode.EXPIRED, "ValueError: bad")),
        (
            TimedOut(MINUTE),
            SECOND,
            Bury(ReasonCode.EXPIRED, "The attempt ran longer than its timeout of 0:01:00.", timed_out=True),
        ),
        (Raised(Snooze(SECOND, "Not yet.")), MINUTE, SnoozeFor(SECOND, "Not yet.")),
        (
            Raised(Snooze(MINUTE, "Not yet.")),
            MINUTE,
            Bury(ReasonCode.EXPIRED, "The handler snoozed until after the task's deadline: Not yet."),
        ),
        (Raised(Cancel("Unwanted.")), -SECOND, CancelDone("Unwanted.")),
    ],
)
def test_what_would_come_after_the_deadline_ends_now(
    result: Result, time_left: timedelta, transition: Transition
) -> None:
    assert decided(result, time_left=time_left) == transition


@pytest.mark.parametrize(
    ("result", "transition"),
    [
        (Returned(1), Succeed(1)),
        (Raised(Fail("Gone.")), Bury(ReasonCode.FAILED_FOR_GOOD, "Gone.")),
        (Raised(Cancel("As asked.")), CancelDone("As asked.")),
        (Raised(ValueError("bad")), CancelDone(f"{CANCELLED} Its attempt ended with: ValueError: bad")),
        (Raised(Retry("Busy.")), CancelDone(f"{CANCELLED} Its attempt ended with: Busy.")),
        (Raised(Snooze(MINUTE, "Not yet.")), CancelDone(f"{CANCELLED} The handler snoozed: Not yet.")),
        (
            TimedOut(MINUTE),
            CancelDone(
                f"{CANCELLED} Its attempt ended with: The attempt ran longer than its timeout of 0:01:00.",
                ReasonCode.CANCEL_FORCED,
            ),
        ),
    ],
)
@pytest.mark.parametrize("attempt", [1, 4])
def test_who_was_asked_to_end_has_no_other_attempt(result: Result, transition: Transition, attempt: int) -> None:
    assert decided(result, attempt=attempt, cancel_requested=True) == transition


def test_texts_are_made_to_fit_and_to_be_stored() -> None:
    buried = decided(Raised(Fail("\0" * 10**5), "\ud800" * 10**5))
    assert isinstance(buried, Bury)
    assert buried.traceback is not None
    assert len(buried.error) == MAX_ERROR_CHARS
    assert len(buried.traceback) == MAX_TRACEBACK_CHARS
    assert buried.error.startswith(r"\x00")
    assert buried.traceback.startswith(r"\ud800")


class UnreadableReason:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("outcome", [Fail, Cancel, Retry])
def test_a_reason_that_cannot_be_read_does_not_stop_the_decision(outcome: type[Outcome]) -> None:
    assert not isinstance(decided(Raised(outcome(UnreadableReason()))), Succeed)


@given(
    result=st.sampled_from(
        [
            Returned(1),
            Raised(ValueError()),
            Raised(Retry()),
            Raised(Fail("")),
            Raised(Snooze(MINUTE)),
            TimedOut(MINUTE),
            DeadlinePassed(),
            CancelRequested(),
        ]
    ),
    attempt=st.integers(1, 1_000),
    max_attempts=st.integers(1, 1_000),
    time_left=st.none() | st.timedeltas(-MINUTE, 2 * MINUTE),
    cancel_requested=st.booleans(),
)
def test_another_attempt_comes_only_in_time_within_the_attempts_and_where_it_is_wanted(
    result: Result, attempt: int, max_attempts: int, time_left: timedelta | None, cancel_requested: bool
) -> None:
    transition = decided(
        result, attempt=attempt, max_attempts=max_attempts, time_left=time_left, cancel_requested=cancel_requested
    )
    if isinstance(transition, RetryLater | SnoozeFor):
        assert not cancel_requested
        assert time_left is None or timedelta(0) <= transition.delay < time_left
    if isinstance(transition, RetryLater):
        assert attempt < max_attempts
        assert timedelta(0) <= transition.delay <= POLICY.cap
