"""From SQLSTATE to the domain's errors, so that no other room knows the driver's.

Class `RL` is rowlock's own: the SQL functions refuse with it. What no rule names is a defect and passes through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy.exc
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from rowlock.domain.errors import (
    AlreadyExists,
    Conflict,
    DatabaseUnavailable,
    DuplicateTask,
    IdempotencyKeyReused,
    InvalidArgument,
    InvalidPayload,
    NotFound,
    NotLeader,
    OutcomeUnknown,
    RowlockError,
    SchemaOutdated,
)

OWN_STATES: dict[str, type[RowlockError]] = {
    "RL001": IdempotencyKeyReused,
    "RL002": DuplicateTask,
    "RL003": InvalidArgument,
    "RL004": NotLeader,
    "RL404": NotFound,
    "RL409": Conflict,
}

# Connection loss, refused work and lost races: nothing was stored, and the same call may succeed in a moment.
_UNAVAILABLE_CLASSES = ("08", "53", "57")
_RETRYABLE = {"40001", "40P01", "55P03", "25006", "25P03"}
# A server that is shut down may have committed already when it says so, as when it waits for a synchronous standby.
_ENDED_IN_FLIGHT = {None, "57P01", "57P02"}
_NOT_MIGRATED = {"42P01", "3F000", "42883", "42703"}
_NOT_JSON = {"22P02", "22P05", "22021", "22030", "22032"}


def domain_error(error: Exception) -> RowlockError | None:
    """The domain's error for a driver's; None where there is none."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and isinstance(error.orig, Exception):
        return domain_error(error.orig) if isinstance(error.orig, psycopg.Error) else _of_another_driver(error)
    if isinstance(error, (PoolTimeout, TooManyRequests)):
        return DatabaseUnavailable(
            "No database connection could be had in time: the database does not answer, or all connections are busy. "
            "Try again in a moment."
        )
    if isinstance(error, PoolClosed):
        return DatabaseUnavailable("The connection pool is closed.")
    if not isinstance(error, psycopg.Error):
        return None
    return _by_state(error)


def _by_state(error: psycopg.Error) -> RowlockError | None:
    text = (error.diag.message_primary or str(error)).strip().rstrip(".")
    if error.sqlstate is None:
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return DatabaseUnavailable(
                f"The database cannot be reached: {text.splitlines()[0] if text else 'no answer'}."
            )
        if isinstance(error, psycopg.DataError):
            return InvalidPayload(f"A value cannot be stored: {text}.")
        return None
    if error.sqlstate == "23514" and error.diag.constraint_name is None:  # a partition was attached under a row's feet
        return DatabaseUnavailable(f"The database refuses work for now: {text}.")
    known = _said(error.sqlstate, text, error.diag.message_detail)
    if known is None and isinstance(error, (psycopg.OperationalError, psycopg.InternalError)):
        return DatabaseUnavailable(f"The database is in trouble: {text}.")
    return known


def _of_another_driver(error: sqlalchemy.exc.DBAPIError) -> RowlockError | None:
    """asyncpg calls the state `sqlstate`, psycopg2 and pg8000's wrapper `pgcode`; the first line is the message."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    cause = error.orig.__cause__ if error.orig is not None else None
    text = (str(cause or error.orig).strip().splitlines() or [""])[0].rstrip(".")
    if isinstance(state, str):
        return _said(state, text, None)
    if error.connection_invalidated or isinstance(
        error, sqlalchemy.exc.InterfaceError | sqlalchemy.exc.OperationalError
    ):
        return DatabaseUnavailable(f"The database cannot be reached: {text or 'no answer'}.")
    return None


def _said(state: str, text: str, detail: str | None) -> RowlockError | None:
    """What the server's state means here."""
    if state in OWN_STATES:
        return OWN_STATES[state](f"{text}.")
    if state.startswith(_UNAVAILABLE_CLASSES) or state in _RETRYABLE:
        return DatabaseUnavailable(f"The database refuses work for now: {text}.")
    if state in _NOT_MIGRATED:
        return SchemaOutdated(f"The database's schema is not that of this version ({text}). Run `rowlock migrate`.")
    if state == "23505":
        return AlreadyExists(f"That exists already: {detail or text}".rstrip(".") + ".")
    if state in _NOT_JSON:
        return InvalidPayload(f"A value cannot be stored: {text}.")
    if state.startswith("22"):
        return InvalidArgument(f"A value cannot be stored: {text}.")
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Raises the domain's error in place of the driver's."""
    try:
        yield
    except (psycopg.Error, sqlalchemy.exc.DBAPIError, PoolTimeout, PoolClosed, TooManyRequests) as error:
        known = domain_error(error)
        if known is None:
            raise
        raise known from error


def lost_in_flight(error: psycopg.Error) -> OutcomeUnknown | None:
    """The error to raise when a connection broke with a statement under way: nobody knows whether it was committed."""
    if error.sqlstate not in _ENDED_IN_FLIGHT:
        return None  # the server has answered, so it has not committed
    return OutcomeUnknown(
        "The connection broke while the database was at work, so what was sent may be stored or not. "
        "Look it up by its id, or send it again with the same id or idempotency key."
    )
