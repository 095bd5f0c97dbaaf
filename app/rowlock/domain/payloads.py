"""JSON in and out: what PostgreSQL's jsonb can hold, exactly, or a sentence that says what cannot.

Refused, with the path of the offending value (`$.a[3].b`): NaN and infinities, NUL characters and
lone surrogates, keys that are not text, unknown types, too deep nesting, too many bytes. Integers
must fit 64 bits: jsonb could hold more, but Python's, JavaScript's and Go's parsers would each
read something else, so larger ones belong into text. Of repeated keys the last one counts, as in
jsonb: nobody behind this parser sees the text, so nobody can read it differently.

Speed decides the shape. A small payload costs about a microsecond: it is encoded first, and the
slow walk that finds flaws runs only if the encoded bytes hold something worth a look.
"""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import Any

import orjson

from rowlock.domain.bounds import MAX_NESTING
from rowlock.domain.errors import InvalidPayload, PayloadTooLarge
from rowlock.domain.json_flaws import LARGEST_INT, flaw_in

_ESCAPED_NUL = b"\\u0000"
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NESTING = frozenset({list, dict})
_LONG_DIGITS = b"0" * 19  # fewer digits always fit 64 bits


def encode_json(value: object, *, what: str, max_bytes: int, max_nesting: int = MAX_NESTING) -> bytes:
    """UTF-8 JSON of `value`; `what` names it in errors: `payload`, `result`, `metadata`.

    Beside JSON's own types it takes tuples, enums, dataclasses, UUIDs, dates and times (ISO 8601).
    Raises `InvalidPayload` or `PayloadTooLarge`. `max_nesting` is at most 250, orjson's own bound.
    """
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:  # orjson's only one, for types, ranges, surrogates and depth alike
        _refuse_flaws(value, what, max_nesting)
        raise InvalidPayload(f"The {what} is not JSON: {error}.", field=what) from error
    _check_size(encoded, what, max_bytes)
    # NaN is written as null, NUL as an escape.
    if b"null" in encoded or _suspicious(encoded, max_nesting):
        _refuse_flaws(value, what, max_nesting)
    return encoded


def decode_json(text: bytes, *, what: str, max_bytes: int, max_nesting: int = MAX_NESTING) -> object:
    """The value that UTF-8 JSON `text` spells. Raises `InvalidPayload` or `PayloadTooLarge`."""
    _check_size(text, what, max_bytes)
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"The {what} is not JSON: {error}.", field=what) from error
    if _ESCAPED_NUL in text or (_suspicious(text, max_nesting) and _nests_deeper(value, max_nesting)):
        _refuse_flaws(value, what, max_nesting)
    if _LONG_DIGITS in text.translate(_TO_ZEROS):
        # orjson reads an integer beyond 64 bits as a float, which is another number.
        _refuse_flaws(json.loads(text, parse_int=_bounded_int), what, max_nesting)
    return value


def canonical_text(text: str) -> str:
    """JSON text that was checked before, with sorted keys and no spaces: equal values have equal texts."""
    return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()


def canonical_hash(*parts: object) -> bytes:
    """SHA-256 over JSON of the parts with sorted keys: equal requests have equal hashes.

    Not RFC 8785: 1 and 1.0 differ. Raises `InvalidPayload` for what is not JSON.
    """
    try:
        text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidPayload(f"The request is not JSON: {error}.", field="request") from error
    return hashlib.sha256(text).digest()


def _suspicious(text: bytes, max_nesting: int) -> bool:
    """Whether it may hold NUL, or nest too deep: that takes as many brackets as levels."""
    return _ESCAPED_NUL in text or text.count(b"{") + text.count(b"[") > max_nesting


def _nests_deeper(value: Any, levels: int) -> bool:
    """Whether what orjson has read does. The walk would tell too, several times as slowly, and bodies may be large."""
    level = [value] if type(value) in _NESTING else []
    for _ in range(levels):
        if not level:
            break
        parts = chain.from_iterable(one.values() if type(one) is dict else one for one in level)
        level = [part for part in parts if type(part) in _NESTING]
    return bool(level)


def _refuse_flaws(value: object, what: str, max_nesting: int) -> None:
    flaw = flaw_in(value, max_nesting=max_nesting)
    if flaw is not None:
        raise InvalidPayload(f"The {what} {flaw}.", field=what)


def _check_size(text: bytes, what: str, max_bytes: int) -> None:
    if len(text) > max_bytes:
        raise PayloadTooLarge(f"The {what} has {len(text)} bytes, but may have at most {max_bytes}.", field=what)


def _bounded_int(digits: str) -> int:
    # int() refuses beyond 4,300 digits; of a long one only that it is out of range matters.
    return int(digits) if len(digits) <= 21 else LARGEST_INT + 1
