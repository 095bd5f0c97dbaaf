"""The states of a task: those the table stores, those people see, and the legal ways between them.

A public status is derived from the stored one and the clock, so that no row has to be rewritten
merely because time has passed. The SQL function `rowlock.public_status` says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class StoredStatus(StrEnum):
    """Values of the enum `rowlock.task_status`."""

    PENDING = "pending"
    BLOCKED = "blocked"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Status(StrEnum):
    """What every entrance shows."""

    BLOCKED = "blocked"
    SCHEDULED = "scheduled"
    READY = "ready"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"


TERMINAL: frozenset[StoredStatus] = frozenset({StoredStatus.SUCCEEDED, StoredStatus.DEAD, StoredStatus.CANCELLED})

TRANSITIONS: Mapping[StoredStatus, frozenset[StoredStatus]] = MappingProxyType(
    {
        StoredStatus.PENDING: frozenset({StoredStatus.RUNNING, StoredStatus.CANCELLED}),
        StoredStatus.BLOCKED: frozenset({StoredStatus.PENDING, StoredStatus.CANCELLED}),
        # To itself: a lease ran out and the next attempt was claimed in the same statement.
        StoredStatus.RUNNING: frozenset(
            {
                StoredStatus.RUNNING,
                StoredStatus.PENDING,
                StoredStatus.SUCCEEDED,
                StoredStatus.DEAD,
                StoredStatus.CANCELLED,
            }
        ),
        StoredStatus.SUCCEEDED: frozenset(),
        # Out of a terminal state leads nothing but an explicit, audited redrive.
        StoredStatus.DEAD: frozenset({StoredStatus.PENDING}),
        StoredStatus.CANCELLED: frozenset({StoredStatus.PENDING}),
    }
)


def public_status(stored: StoredStatus, *, visible_at: datetime, attempt: int, now: datetime) -> Status:
    """What people see of a row at `now`; `attempt` counts the attempts already spent."""
    if stored is not StoredStatus.PENDING:
        return Status(stored.value)
    if visible_at <= now:
        return Status.READY
    return Status.RETRYING if attempt > 0 else Status.SCHEDULED
