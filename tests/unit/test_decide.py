"""The decision about an ended attempt, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import MAX_DELAY, MAX_ERROR_CHARS, MAX_TRACEBACK_CHARS
from rowlock.domain.decide import (
    Bury,
    CancelDone,
    CancelRequested,
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
UNUSABLE = "\nThis outcome cannot be used: its delay is not a timedelta."


def decided(result: Result, *, attempt: int = 2, max_attempts: int = 4) -> Transition:
    return decide(result, attempt=attempt, max_attempts=max_attempts, policy=POLICY, random=lambda: 0.5)


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
        (
            Raised(Retry("Busy.", after=5)),  # type: ignore[arg-type]  # what callers do all the same
            RetryLater(timedelta(seconds=2), ReasonCode.ERROR, "rowlock.domain.outcomes.Retry: Busy." + UNUSABLE),
        ),
        (Raised(Fail("Gone."), "t"), Bury(ReasonCode.FAILED_FOR_GOOD, "Gone.", "t")),
        (Raised(Fail(404)), Bury(ReasonCode.FAILED_FOR_GOOD, "404")),  # type: ignore[arg-type]
        (Raised(Snooze(MINUTE, "Not yet.")), SnoozeFor(MINUTE, "Not yet.", ReasonCode.SNOOZED)),
        (Raised(Snooze(-MINUTE, "Not yet.")), SnoozeFor(timedelta(0), "Not yet.")),
        (Raised(Snooze(timedelta.max, "Not yet.")), SnoozeFor(MAX_DELAY, "Not yet.")),
        (
            Raised(Snooze(5, "Not yet.")),  # type: ignore[arg-type]
            RetryLater(timedelta(seconds=2), ReasonCode.ERROR, "rowlock.domain.outcomes.Snooze: Not yet." + UNUSABLE),
        ),
        (Raised(Cancel("Unwanted.")), CancelDone("Unwanted.", ReasonCode.CANCELLED)),
        (CancelRequested("By hand."), CancelDone("By hand.", ReasonCode.CANCELLED)),
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
        [Returned(1), Raised(ValueError()), Raised(Retry()), Raised(Fail("")), Raised(Snooze(MINUTE)), TimedOut(MINUTE)]
    ),
    attempt=st.integers(1, 1_000),
    max_attempts=st.integers(1, 1_000),
)
def test_nothing_is_retried_beyond_its_attempts(result: Result, attempt: int, max_attempts: int) -> None:
    transition = decided(result, attempt=attempt, max_attempts=max_attempts)
    if isinstance(transition, RetryLater):
        assert attempt < max_attempts
        assert timedelta(0) <= transition.delay <= POLICY.cap
