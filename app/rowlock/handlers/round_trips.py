"""Whether a value that was read back from JSON is the one that was given.

Equality decides, and where it says no, the parts: of what knows no equality, or compares only its identity, nothing can
be told, so a type must do. What a list or tuple is called does not matter where an annotation takes either.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

_JSON = (str, int, float, bool, type(None), list, dict)
_IN_ORDER = (list, tuple, deque)
_IDENTITY: object = object.__eq__


def difference(given: Any, back: Any, place: str, *, open_type: bool) -> str | None:
    """Where and how they differ, as a clause; None where they do not, as far as can be told.

    An `open_type` leaves something to JSON: what it says nothing about may come back as what JSON spells.
    """
    if _equal(given, back):
        return None
    if isinstance(given, _IN_ORDER) and isinstance(back, _IN_ORDER) and len(given) == len(back):
        parts: Iterable[tuple[object, Any, Any]] = ((n, *pair) for n, pair in enumerate(zip(given, back, strict=True)))
    elif type(given) is not type(back):
        if open_type and isinstance(back, _JSON) and not isinstance(given, SecretStr | SecretBytes | Secret):
            return None
        return f"{place} is of type {type(given).__name__} and would come back as {type(back).__name__}"
    elif isinstance(given, dict) and given.keys() == back.keys():
        parts = ((key, given[key], back[key]) for key in given)
    elif isinstance(given, BaseModel):
        parts = _of_models(given, back)
    elif dataclasses.is_dataclass(given):
        parts = ((f.name, getattr(given, f.name, None), getattr(back, f.name, None)) for f in dataclasses.fields(given))
    else:
        return None if _cannot_be_told(given, back) else f"{place} would come back as another value"
    found = (difference(one, other, f"{place}.{name}", open_type=open_type) for name, one, other in parts)
    return next((each for each in found if each), None)


def _of_models(given: BaseModel, back: BaseModel) -> Iterable[tuple[object, Any, Any]]:
    for name in type(given).model_fields:
        yield name, getattr(given, name, None), getattr(back, name, None)
    more, more_back = given.model_extra or {}, back.model_extra or {}
    for name in more.keys() | more_back.keys():
        yield name, more.get(name), more_back.get(name)


def _equal(given: Any, back: Any) -> bool:
    try:
        return bool(given == back)
    except Exception:  # noqa: BLE001 - anybody's `__eq__`
        return False


def _cannot_be_told(given: Any, back: Any) -> bool:
    if isinstance(given, datetime) and given.tzinfo and back.tzinfo:
        # In the hour that a zone repeats, its times equal none of another zone, not even the same instant.
        return _equal(given.astimezone(UTC), back.astimezone(UTC))
    return type(given).__eq__ is _IDENTITY or not _equal(given, given)
