"""Cursors: where the next page of a list begins, opaque to clients and bound to the list and filters they came from.

A page starts after the last item of the one before, by the item's own key, so items that come or go in between neither
repeat nor hide others.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from rowlock.domain.errors import InvalidArgument

PositionT = TypeVar("PositionT")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
LONGEST = 1_000
_DIGEST = 6


class PageQuery(BaseModel):
    """Which page of a list. Unknown parameters are refused: a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str, Field(max_length=LONGEST)] | None = Field(None, description="`next_cursor` of a page.")

    def filters(self) -> dict[str, Any]:
        """The filters beside the page, which its cursor is bound to."""
        given = self.model_dump(mode="json", exclude={"limit", "cursor"})
        return {name: sorted(value) if isinstance(value, list) else value for name, value in given.items()}


class InvalidCursor(InvalidArgument):
    """The cursor does not come from this list, or was made with other filters."""

    problem, title = "invalid-cursor", "Invalid cursor"


def make_cursor(listing: str, filters: object, position: str) -> str:
    """The cursor behind `position`, an item's key, in a list under some filters."""
    key = position.encode()
    return base64.urlsafe_b64encode(_digest(listing, filters, key) + key).rstrip(b"=").decode()


def read_cursor(
    listing: str, filters: object, cursor: str | None, parse: Callable[[str], PositionT]
) -> PositionT | None:
    """The position behind which to go on, by `parse` from its key; None for the first page. Raises `InvalidCursor`."""
    if cursor is None:
        return None
    try:
        if len(cursor) > LONGEST:
            raise ValueError
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, key = raw[:_DIGEST], raw[_DIGEST:]
        if digest != _digest(listing, filters, key) or b"\0" in key:
            raise ValueError
        return parse(key.decode())
    except (ValueError, TypeError, InvalidArgument) as error:
        raise InvalidCursor(
            "The cursor is not one that this list gave for these filters. Start again without it.", field="cursor"
        ) from error


def positive(number: int) -> int:
    """A number of PostgreSQL's, as positions have them. Raises `ValueError` for one that no row has."""
    if not 0 < number < 2**31:
        raise ValueError
    return number


def _digest(listing: str, filters: object, key: bytes) -> bytes:
    """Not a secret: it tells mistakes apart from cursors. A made-up position is parsed as strictly as any input."""
    said = orjson.dumps([listing, filters], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said + key, digest_size=_DIGEST).digest()
