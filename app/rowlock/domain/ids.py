"""Task ids: UUIDv7 (RFC 9562), which sort by the time they were made.

Ids of one process rise monotonically, across its threads too, so that bulk enqueues append to the
indexes instead of scattering over them (with random ids a claim at 3 M rows costs four times more).
The clock read inside is the id generator's own: no deadline is ever decided by it.
"""

from __future__ import annotations

import re
from uuid import UUID, SafeUUID

import uuid_utils

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.lazy import LazySequence

# `uuid.UUID(text)` also takes braces, URNs, underscores and stray hyphens: one id, one spelling.
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Ids(LazySequence[UUID]):
    """Ids in a row, kept as 16 bytes each: a `UUID` takes four times as long to make."""

    __slots__ = ("as_bytes",)

    def __init__(self, as_bytes: list[bytes]) -> None:
        super().__init__(_id_of, as_bytes)
        self.as_bytes = as_bytes


def new_id() -> UUID:
    """One id, later than every id this process has made before."""
    return _id(uuid_utils.uuid7().int)


def new_ids(n: int) -> Ids:
    """`n` ids in rising order."""
    make = uuid_utils.uuid7
    return Ids([make().bytes for _ in range(n)])


def _id_of(as_bytes: bytes) -> UUID:
    return _id(int.from_bytes(as_bytes))


def _id(number: int) -> UUID:
    """`UUID(int=…)`, which checks what it is given, and takes twice as long."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def parse_id(text: object, *, field: str = "id") -> UUID:
    """The id that `text` spells in the usual 8-4-4-4-12 form, in either case."""
    if not isinstance(text, str) or _CANONICAL.fullmatch(text) is None:
        raise InvalidArgument(
            f"{shown(text)} is not an id: an id reads like 01890a5d-ac96-774b-bcce-b302099a8057.",
            field=field,
        )
    return UUID(text)
