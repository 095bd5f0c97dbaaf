"""Finds what keeps a value from being JSON that jsonb can hold, and says where it lies.

The walk is exact and slow; `payloads` starts it only if something in the bytes asks for it. Its
depth is bounded by the nesting allowed, so neither a deep value nor one that contains itself can
exhaust the stack.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable
from datetime import date, time
from enum import Enum
from typing import Final
from uuid import UUID

from rowlock.domain.bounds import shown

SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**64 - 1

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PATH_CHARS = 120
_TOO_DEEP = "is nested too deep"


def flaw_in(value: object, *, max_nesting: int) -> str | None:
    """`holds a NUL character, at $.a[3].b`, or None if `value` can be stored."""
    trail: list[object] = []
    flaw = _flaw(value, trail, max_nesting)
    if flaw is None:
        return None
    if flaw is _TOO_DEEP:
        flaw = f"is nested deeper than {max_nesting} levels"
    return f"{flaw}, at {_path(trail)}"


def _flaw(value: object, trail: list[object], levels: int) -> str | None:
    """The flaw alone; the keys that lead to it are left in `trail`, innermost first."""
    if isinstance(value, str):
        return _text_flaw(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        fits = SMALLEST_INT <= value <= LARGEST_INT
        return None if fits else "holds an integer beyond 64 bits (send it as text)"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"holds the number {value}"
    return _flaw_inside(value, trail, levels)


def _flaw_inside(value: object, trail: list[object], levels: int) -> str | None:
    parts: Iterable[tuple[object, object]]
    match value:
        case dict():
            parts = value.items()
        case list() | tuple():
            parts = enumerate(value)
        case Enum():
            return _flaw(value.value, trail, levels)
        case UUID() | date() | time():
            return None
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            parts = _public_fields(value)
        case _:
            return f"holds a {type(value).__qualname__}, which JSON does not know"
    if not levels:
        return _TOO_DEEP
    keyed = isinstance(value, dict)
    for key, part in parts:
        flaw = (_key_flaw(key) if keyed else None) or _flaw(part, trail, levels - 1)
        if flaw is not None:
            trail.append(key)
            return flaw
    return None


def _public_fields(value: object) -> list[tuple[object, object]]:
    """As orjson writes a dataclass: without the fields that start with an underscore."""
    names = [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]
    return [(name, getattr(value, name)) for name in names if not name.startswith("_")]


def _key_flaw(key: object) -> str | None:
    if type(key) is not str:  # a subclass too: orjson takes none as a key
        return f"has the key {shown(key)}, which is not text"
    return _text_flaw(key)


def _text_flaw(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character"
    if not text.isascii() and _LONE_SURROGATE.search(text) is not None:
        return "holds a lone surrogate"
    return None


def _path(trail: list[object]) -> str:
    path = "$"
    for key in reversed(trail):
        named = isinstance(key, str) and key.isidentifier()
        path += f".{key}" if named else f"[{shown(key)}]"
    return path if len(path) <= _PATH_CHARS else f"{path[:_PATH_CHARS]}…"
