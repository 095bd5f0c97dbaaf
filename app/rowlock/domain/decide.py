"""What becomes of a task when its attempt ends: one pure decision, made in one place.

`decide` says what to do, with a reason code that people and metrics can rely on; the store's
statements do it, fenced by the lease. Nothing a handler raises can make `decide` itself fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rowlock.domain.bounds import MAX_DELAY, shown
from rowlock.domain.error_text import error_text, traceback_text
from rowlock.domain.outcomes import Cancel, Fail, Outcome, Retry, Snooze
from rowlock.domain.retry import RetryPolicy


class ReasonCode(StrEnum):
    """Why an attempt ended as it did."""

    ERROR = "error"
    TIMEOUT = "timeout"
    RETRY_REQUESTED = "retry_requested"
    FAILED_FOR_GOOD = "failed_for_good"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    LEASE_EXPIRED = "lease_expired"  # decided in SQL, where the rescue is one statement
    EXPIRED = "expired"  # decided in SQL too, for tasks that no worker runs
    CANCELLED = "cancelled"
    CANCEL_FORCED = "cancel_forced"
    SNOOZED = "snoozed"
    RELEASED = "released"  # given back by a worker that stops, or that can start nothing to run it in
    UNKNOWN_VERSION = "unknown_version"  # of the payload: no worker asked so far can read it
    WAITS_TO_RUN_ALONE = "waits_to_run_alone"  # the last attempt, an earlier one having ended with its worker


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler came back with a value."""

    value: object


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised: an error, or one of the outcomes `Retry`, `Fail`, `Snooze`, `Cancel`."""

    error: BaseException
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The handler was stopped because it ran longer than its timeout, `after`."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The task's deadline passed, and the handler was stopped or never begun."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody asked for the task's end while it ran. The handler obeyed, or was `forced` when its grace was over."""

    forced: bool = False


@dataclass(frozen=True, slots=True)
class Succeed:
    """The task ends well, with this result (not yet encoded)."""

    result: object


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The attempt is spent; the next one may begin after `delay`."""

    delay: timedelta
    reason_code: ReasonCode
    error: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Bury:
    """The task goes to the dead letters. `timed_out` says how its last attempt ended."""

    reason_code: ReasonCode
    error: str
    traceback: str | None = None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class SnoozeFor:
    """The task waits for `delay` without having spent the attempt."""

    delay: timedelta
    reason: str
    reason_code: ReasonCode = ReasonCode.SNOOZED


@dataclass(frozen=True, slots=True)
class CancelDone:
    """The task ends as cancelled."""

    reason: str
    reason_code: ReasonCode = ReasonCode.CANCELLED


CANCELLED_WHILE_IT_RAN = "The task was cancelled while it ran."
Unsuccessful = Raised | TimedOut | DeadlinePassed | CancelRequested
Result = Returned | Unsuccessful
Transition = Succeed | RetryLater | Bury | SnoozeFor | CancelDone
_NOTHING, _SUCCEED = Returned(None), Succeed(None)  # what most handlers return, and what follows from it


def returned(value: object) -> Returned:
    """The handler came back with a value."""
    return _NOTHING if value is None else Returned(value)


def decide(
    result: Result,
    *,
    attempt: int,
    max_attempts: int,
    policy: RetryPolicy,
    random: Callable[[], float],
    time_left: timedelta | None = None,
    cancel_requested: bool = False,
) -> Transition:
    """The transition that `result` of attempt number `attempt` (from 1) leads to.

    `time_left` until the task's deadline, None without one. Whoever asked for its end does not want another attempt.
    """
    if isinstance(result, Returned):
        return _SUCCEED if result is _NOTHING else Succeed(result.value)

    def backoff() -> timedelta:
        return policy.delay(attempt, random)

    wanted = _wanted(result, policy, backoff)
    if not isinstance(wanted, RetryLater | SnoozeFor):
        return wanted
    if cancel_requested:
        return _cancelled_instead(wanted)
    if isinstance(wanted, RetryLater) and attempt >= max_attempts:
        return _buried_instead(wanted, ReasonCode.ATTEMPTS_EXHAUSTED)
    if time_left is not None and wanted.delay >= time_left:
        return _buried_instead(wanted, ReasonCode.EXPIRED)
    return wanted


def _cancelled_instead(wanted: RetryLater | SnoozeFor) -> CancelDone:
    """The task was to end: its attempt ended by itself in the meantime, or by its timeout."""
    if isinstance(wanted, SnoozeFor):
        return CancelDone(f"{CANCELLED_WHILE_IT_RAN} The handler snoozed: {wanted.reason}")
    code = ReasonCode.CANCEL_FORCED if wanted.reason_code is ReasonCode.TIMEOUT else ReasonCode.CANCELLED
    return CancelDone(error_text(f"{CANCELLED_WHILE_IT_RAN} Its attempt ended with: {wanted.error}"), code)


def _buried_instead(wanted: RetryLater | SnoozeFor, code: ReasonCode) -> Bury:
    """There is no next attempt: none is left, or its time would come too late."""
    if isinstance(wanted, SnoozeFor):
        return Bury(code, error_text(f"The handler snoozed until after the task's deadline: {wanted.reason}"))
    return Bury(code, wanted.error, wanted.traceback, timed_out=wanted.reason_code is ReasonCode.TIMEOUT)


def _wanted(result: Unsuccessful, policy: RetryPolicy, backoff: Callable[[], timedelta]) -> Transition:
    """What the result asks for, were attempts unlimited."""
    match result:
        case CancelRequested(forced=True):
            return CancelDone(f"{CANCELLED_WHILE_IT_RAN} Its handler was stopped.", ReasonCode.CANCEL_FORCED)
        case CancelRequested():
            return CancelDone(CANCELLED_WHILE_IT_RAN)
        case DeadlinePassed():
            return Bury(ReasonCode.EXPIRED, "The task's deadline passed before it had finished.", timed_out=True)
        case TimedOut(after):
            error = f"The attempt ran longer than its timeout of {after}."
            return RetryLater(backoff(), ReasonCode.TIMEOUT, error)
    trace = None if result.traceback is None else traceback_text(result.traceback)
    if isinstance(result.error, Outcome):
        return _as_said(result.error, trace, backoff)
    text = error_text(result.error)
    if policy.retryable(result.error):
        return RetryLater(backoff(), ReasonCode.ERROR, text, trace)
    return Bury(ReasonCode.FAILED_FOR_GOOD, text, trace)


def _as_said(said: Outcome, trace: str | None, backoff: Callable[[], timedelta]) -> Transition:
    """What the handler asked for. A delay of the wrong type is the handler's error: retried, since
    a fixed handler may be deployed in the meantime."""
    match said:
        case Cancel(reason=reason):
            return CancelDone(_said(reason))
        case Fail(reason=reason):
            return Bury(ReasonCode.FAILED_FOR_GOOD, _said(reason), trace)
        case Snooze(for_=timedelta() as delay, reason=reason):
            return SnoozeFor(_bounded(delay), _said(reason))
        case Retry(after=timedelta() | None as after, reason=reason):
            delay = backoff() if after is None else _bounded(after)
            return RetryLater(delay, ReasonCode.RETRY_REQUESTED, _said(reason), trace)
        case _:
            error = (
                error_text(said)
                + "\nThis outcome cannot be used: its delay is neither a timedelta nor a number of seconds."
            )
            return RetryLater(backoff(), ReasonCode.ERROR, error, trace)


def _said(reason: object) -> str:
    return error_text(reason if isinstance(reason, str) else shown(reason))


def _bounded(delay: timedelta) -> timedelta:
    """A handler's delay within what may be stored: refusing it here would lose the outcome."""
    return min(max(delay, timedelta(0)), MAX_DELAY)
