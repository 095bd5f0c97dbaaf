"""Every refusal that rowlock can utter, one class for each thing a caller would handle differently.

The text of an error is a whole sentence: what happened, to which task, what to do. The class carries what the entrances
need: `problem` (the stable slug of the REST problem type), `status` (HTTP) and `exit_code` (command line).
"""

from __future__ import annotations

from typing import Any, ClassVar

from rowlock.domain.trouble import Trouble


class RowlockError(Exception):
    """Base of every error that rowlock raises on purpose."""

    problem: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **detail: Any) -> None:  # Any: members of a problem document
        super().__init__(message)
        self.message = message
        self.detail = detail

    @property
    def kind(self) -> str:
        """The word for it in metrics."""
        return self.problem


class InvalidArgument(RowlockError):
    """A value is of the wrong shape, out of bounds, or unknown."""

    problem, title, status, exit_code = "invalid-argument", "Invalid argument", 422, 2


class InvalidPayload(InvalidArgument):
    """A payload cannot be stored as JSON, or its handler's types refuse it."""

    problem, title = "invalid-payload", "Invalid payload"


class StepNotKept(InvalidPayload):
    """A step's result is not JSON, not of the type it is said to be, or too large; or the task has too many steps."""

    problem, title = "step-not-kept", "Step not kept"


class PayloadTooLarge(InvalidArgument):
    """A payload, result or body is larger than its bound."""

    problem, title, status = "payload-too-large", "Payload too large", 413


class UnknownHandler(InvalidArgument):
    """No worker has registered a handler of that name, and the installation is strict about it."""

    problem, title = "unknown-handler", "Unknown handler"


class UnknownQueue(InvalidArgument):
    """No such queue is declared, and the installation is strict about it."""

    problem, title = "unknown-queue", "Unknown queue"


class NotFound(RowlockError):
    """The thing asked for does not exist for this tenant."""

    problem, title, status, exit_code = "not-found", "Not found", 404, 3


class Conflict(RowlockError):
    """The thing is in a state that does not allow what was asked."""

    problem, title, status, exit_code = "conflict", "Conflict", 409, 4


class TaskNotCancellable(Conflict):
    """The task has finished already."""

    problem, title = "task-not-cancellable", "Task cannot be cancelled"


class TaskNotRedrivable(Conflict):
    """The task is neither dead nor cancelled."""

    problem, title = "task-not-redrivable", "Task cannot be redriven"


class TaskNotChangeable(Conflict):
    """The task is running or finished, so its priority and run time are settled."""

    problem, title = "task-not-changeable", "Task cannot be changed"


class DuplicateTask(Conflict):
    """Another pending task holds the same unique key, and the caller asked to be refused."""

    problem, title = "duplicate-task", "Duplicate task"


class AlreadyExists(Conflict):
    """The name is taken."""

    problem, title = "already-exists", "Already exists"


class IdempotencyKeyReused(RowlockError):
    """The idempotency key names another request."""

    problem, title, status, exit_code = (
        "idempotency-key-reused",
        "Idempotency key reused",
        422,
        4,
    )


class IdempotencyInProgress(Conflict):
    """The first request with this idempotency key has not been answered yet."""

    problem, title = "idempotency-in-progress", "Request in progress"


class LeaseLost(RowlockError):
    """The attempt's lease ran out and was taken over (or its task ended): nothing it writes counts any more."""

    problem, title, status, exit_code = "lease-lost", "Lease lost", 409, 4


class Unauthenticated(RowlockError):
    """No API key, or one that is unknown, revoked or expired."""

    problem, title, status, exit_code = "unauthenticated", "Unauthenticated", 401, 5


class Forbidden(RowlockError):
    """The API key lacks the scope."""

    problem, title, status, exit_code = "forbidden", "Forbidden", 403, 5


class DatabaseUnavailable(RowlockError):
    """PostgreSQL cannot be reached, or refuses work for now. Nothing was stored; try again."""

    problem, title, status, exit_code = "database-unavailable", "Database unavailable", 503, 6

    def __init__(self, message: str, *, trouble: Trouble = Trouble.OTHER, **detail: Any) -> None:
        super().__init__(message, **detail)
        self.trouble = trouble

    @property
    def kind(self) -> str:
        return self.trouble


def is_lock_timeout(error: BaseException | None) -> bool:
    """Whether a statement gave up because somebody else had locked what it needs for longer than it waits."""
    return isinstance(error, DatabaseUnavailable) and error.trouble is Trouble.LOCK_TIMEOUT


class OutcomeUnknown(RowlockError):
    """The connection broke after COMMIT was sent: the work may be stored or not. Ask by id before retrying."""

    problem, title, status, exit_code = "outcome-unknown", "Outcome unknown", 503, 7


class SchemaOutdated(RowlockError):
    """The database's migrations are not those of this version. Run `rowlock migrate`."""

    problem, title, status, exit_code = "schema-outdated", "Schema outdated", 503, 8


class ConfigurationError(RowlockError):
    """A setting is missing or cannot be used."""

    problem, title, status, exit_code = "configuration", "Configuration error", 500, 2


class NotLeader(RowlockError):
    """Another scheduler has been elected: this one's epoch is over and its write changed nothing."""

    problem, title, status, exit_code = "not-leader", "Not the leader", 409, 4
