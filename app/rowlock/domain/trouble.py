"""What is the matter with the database, in words that metrics, health and runbooks share."""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    """One kind for each thing that an operator would do something else about."""

    UNREACHABLE = "unreachable"
    STARTING = "starting"
    SESSION_ENDED = "session-ended"
    ACCESS_REFUSED = "access-refused"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    POOL_BUSY = "pool-busy"
    DISK_FULL = "disk-full"
    OUT_OF_MEMORY = "out-of-memory"
    READ_ONLY = "read-only"
    SERIALIZATION = "serialization"
    DEADLOCK = "deadlock"
    SCHEMA_CHANGED = "schema-changed"
    LOCK_TIMEOUT = "lock-timeout"
    STATEMENT_TIMEOUT = "statement-timeout"
    NO_ANSWER = "no-answer"
    OTHER = "other"

    @property
    def lost_race(self) -> bool:
        """Whether another transaction merely won: the same statement may be sent again at once."""
        return self in (Trouble.SERIALIZATION, Trouble.DEADLOCK, Trouble.SCHEMA_CHANGED)
