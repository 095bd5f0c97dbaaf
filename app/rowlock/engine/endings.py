"""From a decision about an attempt to the ending that is written: nothing but a translation."""

from __future__ import annotations

from rowlock.domain.decide import Bury, CancelDone, ReasonCode, RetryLater, SnoozeFor, Succeed, Transition
from rowlock.domain.errors import InvalidPayload, PayloadTooLarge
from rowlock.domain.payloads import encode_json
from rowlock.engine.writing import Ending, Way
from rowlock.store.leases import ClaimedTask, FailedAttempt

RELEASED = "released"


def ending_of(task: ClaimedTask, transition: Transition, *, max_result_bytes: int, result_version: int = 1) -> Ending:
    """The ending that says `transition` of the attempt. A result that is not JSON buries the task with that reason."""
    if isinstance(transition, Succeed):  # before the others, which are matched in twice the time
        return _success(task, transition.result, max_result_bytes, result_version)
    match transition:
        case RetryLater(delay, reason, error, traceback):
            outcome = "timed_out" if reason is ReasonCode.TIMEOUT else "failed"
            return _said(task, Way.RETRY, outcome, reason, error, traceback, delay.total_seconds())
        case Bury(reason, error, traceback, timed_out):
            return _said(task, Way.BURY, "timed_out" if timed_out else "failed", reason, error, traceback)
        case SnoozeFor(delay, reason):
            return _said(task, Way.SNOOZE, "snoozed", ReasonCode.SNOOZED, None, None, delay.total_seconds())
        case CancelDone(why, reason):
            return _said(task, Way.CANCEL, "cancelled", reason, why)


def given_back(task: ClaimedTask, *, begun: bool) -> Ending:
    """A stopping worker gives the task back; only an attempt that had begun is written down."""
    if not begun:
        return Ending(task, Way.RELEASE, outcome=RELEASED)
    return _said(task, Way.SNOOZE, RELEASED, RELEASED)


def cancelled(task: ClaimedTask) -> Ending:
    """Somebody asked for the task's end before the attempt had begun."""
    return _said(
        task, Way.CANCEL, "cancelled", ReasonCode.CANCELLED, "The task was cancelled before its attempt began."
    )


def put_off(task: ClaimedTask, reason: str, seconds: float, *, error: str | None = None) -> Ending:
    """This worker cannot run the task now (no thread, something beside it): it waits, with the reason code."""
    return _said(task, Way.SNOOZE, "snoozed", reason, error, delay_seconds=seconds)


def deferred(task: ClaimedTask, reason: str, seconds: float) -> Ending:
    """This worker has not got what runs the task: it is left to others, and no attempt is written down."""
    return _said(task, Way.DEFER, RELEASED, reason, delay_seconds=seconds)


def _success(task: ClaimedTask, result: object, max_bytes: int, version: int) -> Ending:
    if result is None:
        return Ending(task, Way.COMPLETE)
    try:
        encoded = encode_json(result, what="result", max_bytes=max_bytes).decode()
    except (InvalidPayload, PayloadTooLarge) as error:
        return _said(task, Way.BURY, "failed", ReasonCode.FAILED_FOR_GOOD, error.message)
    return Ending(task, Way.COMPLETE_WITH_RESULT, result=encoded, result_version=version)


def _said(  # noqa: PLR0917 - one row's columns
    task: ClaimedTask,
    way: Way,
    outcome: str,
    reason: str,
    error: str | None = None,
    traceback: str | None = None,
    delay_seconds: float = 0,
) -> Ending:
    said = FailedAttempt(task.id, task.lease_token, outcome, str(reason), error, traceback, delay_seconds)
    return Ending(task, way, outcome=outcome, said=said)
