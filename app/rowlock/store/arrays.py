"""Arrays for the statements that carry the load, in PostgreSQL's binary format.

psycopg writes its own lists element by element in Python, at 3 to 6 µs each; this takes 0.3. `Uuids`, `Texts`,
`Smallints`, `Integers`, `Bigints` and `Instants` are lists to everybody else. They hold no nulls. `Ids` are taken too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

from rowlock.domain.ids import Ids

UUID_OID, UUID_ARRAY_OID = 2950, 2951
SMALLINT_OID, SMALLINT_ARRAY_OID = 21, 1005
INTEGER_OID, INTEGER_ARRAY_OID = 23, 1007
BIGINT_OID, BIGINT_ARRAY_OID = 20, 1016
INSTANT_OID, INSTANT_ARRAY_OID = 1184, 1185
TEXT_OID, TEXT_ARRAY_OID = 25, 1009
_length = struct.Struct("!i").pack
_UUID_LENGTH = _length(16)
_YEAR_2000, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Uuids(list[UUID]):
    """A parameter of type uuid[]."""


class Smallints(list[int]):
    """A parameter of type smallint[]."""


class Integers(list[int]):
    """A parameter of type integer[]."""


class Bigints(list[int]):
    """A parameter of type bigint[]."""


class Instants(list[datetime]):
    """A parameter of type timestamptz[]: aware datetimes."""


class Texts(list[str]):
    """A parameter of type text[]."""


def _head(element_oid: int, length: int) -> bytes:
    """One dimension that starts at 1, or none; no nulls."""
    if not length:
        return struct.pack("!iiI", 0, 0, element_oid)
    return struct.pack("!iiIii", 1, 0, element_oid, length, 1)


class _UuidsDumper(Dumper):
    format = Format.BINARY
    oid = UUID_ARRAY_OID

    def dump(self, obj: Uuids | Ids) -> bytes:
        elements = [_UUID_LENGTH] * (2 * len(obj))
        elements[1::2] = obj.as_bytes if isinstance(obj, Ids) else [each.bytes for each in obj]
        return _head(UUID_OID, len(obj)) + b"".join(elements)


class _NumbersDumper(Dumper):
    format = Format.BINARY
    element_oid: int
    size: int  # of an element, in bytes
    code: str  # and its letter in `struct`

    def numbers(self, obj: Sequence[Any]) -> Sequence[int]:
        return obj

    def dump(self, obj: Sequence[Any]) -> bytes:
        count = len(obj)
        elements = [self.size] * (2 * count)
        elements[1::2] = self.numbers(obj)
        return _head(self.element_oid, count) + struct.pack("!" + f"i{self.code}" * count, *elements)


class _SmallintsDumper(_NumbersDumper):
    oid, element_oid, size, code = SMALLINT_ARRAY_OID, SMALLINT_OID, 2, "h"


class _IntegersDumper(_NumbersDumper):
    oid, element_oid, size, code = INTEGER_ARRAY_OID, INTEGER_OID, 4, "i"


class _BigintsDumper(_NumbersDumper):
    oid, element_oid, size, code = BIGINT_ARRAY_OID, BIGINT_OID, 8, "q"


class _InstantsDumper(_BigintsDumper):
    oid, element_oid = INSTANT_ARRAY_OID, INSTANT_OID

    def numbers(self, obj: Sequence[datetime]) -> Sequence[int]:
        return [(instant - _YEAR_2000) // _MICROSECOND for instant in obj]


class _TextsDumper(Dumper):
    format = Format.BINARY
    oid = TEXT_ARRAY_OID

    def __init__(self, cls: type[Texts], context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        encoding = "utf-8" if self.connection is None else self.connection.info.encoding
        self._encoding = None if encoding in ("utf-8", "ascii") else encoding

    def dump(self, obj: Texts) -> bytes:
        encoding = self._encoding
        encoded = [text.encode(encoding) for text in obj] if encoding else list(map(str.encode, obj))
        elements = encoded * 2
        elements[0::2] = map(_length, map(len, encoded))
        elements[1::2] = encoded
        return _head(TEXT_OID, len(obj)) + b"".join(elements)


def register_arrays(context: AdaptContext) -> None:
    """Lets a connection take these as parameters."""
    context.adapters.register_dumper(Uuids, _UuidsDumper)
    context.adapters.register_dumper(Ids, _UuidsDumper)
    context.adapters.register_dumper(Texts, _TextsDumper)
    context.adapters.register_dumper(Smallints, _SmallintsDumper)
    context.adapters.register_dumper(Integers, _IntegersDumper)
    context.adapters.register_dumper(Bigints, _BigintsDumper)
    context.adapters.register_dumper(Instants, _InstantsDumper)
