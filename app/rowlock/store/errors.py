"""From SQLSTATE to the domain's errors, so that no other room knows the driver's.

Class `RL` is rowlock's own: the SQL functions refuse with it. What no rule names is a defect and passes through.
SQLAlchemy's errors are known too, where a caller has loaded it: it takes longer to load than all the rest of the store.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
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
from rowlock.domain.trouble import Trouble
from rowlock.store.troubles import sentence, trouble_of_state, trouble_of_words

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

OWN_STATES: dict[str, type[RowlockError]] = {
    "RL001": IdempotencyKeyReused,
    "RL002": DuplicateTask,
    "RL003": InvalidArgument,
    "RL004": NotLeader,
    "RL404": NotFound,
    "RL409": Conflict,
}

# Sent to a session that was idle, so that nothing was under way when it ended.
_ENDED_WHILE_IDLE = {"57P05", "25P03"}
_DEADLY = {"FATAL", "PANIC"}
_NOT_MIGRATED = {"42P01", "3F000", "42883", "42703"}
_MIGRATED_MEANWHILE = {"42P01", "42883", "42703", "42804"}  # within a function, which fits its schema before and after
_NOT_JSON = {"22P02", "22P05", "22021", "22030", "22032"}


def domain_error(error: Exception) -> RowlockError | None:
    """The domain's error for a driver's; None where there is none."""
    if isinstance(error, (PoolTimeout, TooManyRequests)):
        return DatabaseUnavailable(
            "All connections of the pool are busy. Try again in a moment, or raise ROWLOCK_POOL_MAX.",
            trouble=Trouble.POOL_BUSY,
        )
    if isinstance(error, PoolClosed):
        return DatabaseUnavailable("The connection pool is closed.")
    if isinstance(error, psycopg.Error):
        return _by_state(error)
    return _of_sqlalchemy(error) if "sqlalchemy" in sys.modules else None


def _by_state(error: psycopg.Error) -> RowlockError | None:
    text = _text(error)
    if error.sqlstate is None:
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return _unavailable(trouble_of_words(text), text.splitlines()[0] if text else "no answer")
        if isinstance(error, psycopg.DataError):
            return InvalidPayload(f"A value cannot be stored: {text}.")
        return None
    if error.sqlstate == "23514" and error.diag.constraint_name is None:  # a partition was attached under a row's feet
        return _unavailable(Trouble.OTHER, text)
    if error.sqlstate in _MIGRATED_MEANWHILE and error.diag.context:
        return _unavailable(Trouble.SCHEMA_CHANGED, text)
    known = _said(error.sqlstate, text, error.diag.message_detail)
    if known is None and isinstance(error, (psycopg.OperationalError, psycopg.InternalError)):
        return _unavailable(Trouble.OTHER, text)
    return known


def refusal(error: psycopg.Error) -> DatabaseUnavailable:
    """For those who must go on whatever the server says: an error of the domain's for one that has no name there."""
    return _unavailable(Trouble.OTHER, _text(error))


def _text(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().rstrip(".")


def _of_sqlalchemy(error: Exception) -> RowlockError | None:
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError) or not isinstance(error.orig, Exception):
        return None
    return _by_state(error.orig) if isinstance(error.orig, psycopg.Error) else _of_another_driver(error)


def _of_another_driver(error: DBAPIError) -> RowlockError | None:
    """asyncpg calls the state `sqlstate`, psycopg2 and pg8000's wrapper `pgcode`; the first line is the message."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    cause = error.orig.__cause__ if error.orig is not None else None
    text = (str(cause or error.orig).strip().splitlines() or [""])[0].rstrip(".")
    if isinstance(state, str):
        return _said(state, text, None)
    from sqlalchemy.exc import InterfaceError, OperationalError

    if error.connection_invalidated or isinstance(error, InterfaceError | OperationalError):
        return _unavailable(trouble_of_words(text), text or "no answer")
    return None


def _said(state: str, text: str, detail: str | None) -> RowlockError | None:
    """What the server's state means here."""
    if state in OWN_STATES:
        return OWN_STATES[state](f"{text}.")
    if trouble := trouble_of_state(state):
        return _unavailable(trouble, text, state)
    if state in _NOT_MIGRATED:
        return SchemaOutdated(f"The database's schema is not that of this version ({text}). Run `rowlock migrate`.")
    if state == "23505":
        return AlreadyExists(f"That exists already: {detail or text}".rstrip(".") + ".")
    if state in _NOT_JSON:
        return InvalidPayload(f"A value cannot be stored: {text}.")
    if state.startswith("22"):
        return InvalidArgument(f"A value cannot be stored: {text}.")
    return None


def _unavailable(trouble: Trouble, text: str, state: str | None = None) -> DatabaseUnavailable:
    return DatabaseUnavailable(sentence(trouble, text.rstrip("."), state), trouble=trouble)


@contextmanager
def translated() -> Iterator[None]:
    """Raises the domain's error in place of the driver's, and counts what is the database's trouble."""
    try:
        yield
    except Exception as error:
        if (known := _counted(error)) is None:
            raise
        raise known from error


def translation(error: Exception) -> Exception:
    """What `translated` would raise, for those who hand an error on."""
    known = _counted(error)
    if known is None:
        return error
    known.__cause__ = error
    return known


def _counted(error: Exception) -> RowlockError | None:
    known = domain_error(error)
    if known is not None:
        _count(known)
    return known


def lost_in_flight(error: psycopg.Error) -> OutcomeUnknown | None:
    """The error to raise when a connection broke with a statement under way: nobody knows whether it was committed.

    None where the server has answered that it was not. A session that the server ends with a last word may have
    committed before: it waits for a synchronous standby, or panics over a full WAL, with the commit already written.
    """
    if error.sqlstate in _ENDED_WHILE_IDLE:
        return None
    if error.sqlstate is not None and error.diag.severity_nonlocalized not in _DEADLY:
        return None
    unknown = OutcomeUnknown(
        "The connection broke while the database was at work, so what was sent may be stored or not. "
        "Look it up by its id, or send it again with the same id or idempotency key."
    )
    _count(unknown)
    return unknown


def _count(error: RowlockError) -> None:
    if not isinstance(error, (DatabaseUnavailable, OutcomeUnknown, SchemaOutdated)):
        return
    from rowlock.telemetry.metrics import process_metrics  # slow to load, and most commands never need it

    process_metrics().database_errors.labels(error.kind).inc()
