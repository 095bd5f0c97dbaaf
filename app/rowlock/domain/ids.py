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

# `uuid.UUID(text)` also takes braces, URNs, underscores and stray hyphens: one id, one spelling.
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new_id() -> UUID:
    """One id, later than every id this process has made before."""
    return new_ids(1)[0]


def new_ids(n: int) -> list[UUID]:
    """`n` ids in rising order. `UUID(int=…)` checks what it is given, and would take twice as long."""
    new, write, make = object.__new__, object.__setattr__, uuid_utils.uuid7
    ids = []
    for _ in range(n):
        made = new(UUID)
        write(made, "int", make().int)
        write(made, "is_safe", SafeUUID.unknown)
        ids.append(made)
    return ids


def parse_id(text: object, *, field: str = "id") -> UUID:
    """The id that `text` spells in the usual 8-4-4-4-12 form, in either case."""
    if not isinstance(text, str) or _CANONICAL.fullmatch(text) is None:
        raise InvalidArgument(
            f"{shown(text)} is not an id: an id reads like 01890a5d-ac96-774b-bcce-b302099a8057.",
            field=field,
        )
    return UUID(text)
