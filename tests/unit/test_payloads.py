"""JSON in and out: what goes through unchanged, and what is refused with a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rowlock.domain import payloads
from rowlock.domain.errors import InvalidPayload, PayloadTooLarge
from rowlock.domain.json_flaws import flaw_in
from rowlock.domain.payloads import canonical_hash, decode_json, encode_json

MEGABYTE = 1_048_576

sound_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
any_text = st.text(st.characters(exclude_categories=()), max_size=8) | st.just(r"\u0000")
sound_scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
stored_text = sound_text | st.sampled_from(["\0", r"\u0000"])
any_scalars = st.none() | st.integers() | st.floats() | any_text | st.binary(max_size=2)


def trees(scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


def encode(value: object, **bounds: int) -> bytes:
    return encode_json(value, what="payload", **{"max_bytes": MEGABYTE, **bounds})


def decode(text: bytes, **bounds: int) -> object:
    return decode_json(text, what="body", **{"max_bytes": MEGABYTE, **bounds})


@given(trees(sound_scalars | sound_text, sound_text))
def test_sound_values_come_back_equal(value: object) -> None:
    assert decode(encode(value)) == value
    assert json.loads(encode(value)) == value


@given(trees(sound_scalars | stored_text, stored_text))
@example([[[]]])
@example([[[[]]]])
@example({"a": [{"b": {}}]})
@example({"a": [{"b": {"c": 1}}]})
def test_a_text_is_refused_for_exactly_what_the_walk_refuses(value: object) -> None:
    flaw = flaw_in(value, max_nesting=3)
    text = orjson.dumps(value)
    if flaw is None:
        assert decode(text, max_nesting=3) == value
    else:
        with pytest.raises(InvalidPayload) as refusal:
            decode(text, max_nesting=3)
        assert refusal.value.message == f"The body {flaw}."


@given(trees(any_scalars, any_text | st.integers(0, 9)))
@example([None, float("nan")])
@example({"text": r"\u0000"})
def test_the_fast_way_refuses_exactly_what_the_walk_refuses(value: object) -> None:
    flaw = flaw_in(value, max_nesting=3)
    if flaw is None:
        assert orjson.loads(encode(value, max_nesting=3)) == value
    else:
        with pytest.raises(InvalidPayload) as refusal:
            encode(value, max_nesting=3)
        assert refusal.value.message == f"The payload {flaw}."
        assert refusal.value.detail == {"field": "payload"}


@given(trees(sound_scalars | any_text.filter(lambda text: text.isprintable()), sound_text))
def test_what_is_encoded_can_be_decoded(value: object) -> None:
    assert decode(orjson.dumps(value)) == value


def test_other_types_that_json_spells_as_text_are_taken() -> None:
    value = {"at": datetime(2026, 1, 2, tzinfo=UTC), "id": UUID(int=7), "pair": (1, 2)}
    assert orjson.loads(encode(value)) == {
        "at": "2026-01-02T00:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "pair": [1, 2],
    }


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ({"a": [1, 2, 3, {"b": float("nan")}]}, "holds the number nan, at $.a[3].b"),
        ({"a": float("inf")}, "holds the number inf, at $.a"),
        ({"a": "\0"}, "holds a NUL character, at $.a"),
        ({"a": "\ud800"}, "holds a lone surrogate, at $.a"),
        ({"a": {1: 2}}, "has the key 1, which is not text, at $.a[1]"),
        ({"a": 2**64}, "holds an integer beyond 64 bits (send it as text), at $.a"),
        ({"a": object()}, "holds a object, which JSON does not know, at $.a"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_path(value: object, flaw: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        encode(value)
    assert refusal.value.message == f"The payload {flaw}."


def test_what_only_orjson_refuses_is_refused_too() -> None:
    class OddId(UUID):
        """A UUID to the walk, but not to orjson, which takes no subclass of it."""

    with pytest.raises(InvalidPayload, match=r"^The payload is not JSON: Type is not JSON serializable: OddId\.$"):
        encode(OddId(int=1))


def nested_value(levels: int) -> object:
    value: object = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [65, 250, 260, 100_000])
def test_deep_values_are_refused_without_exhausting_the_stack(levels: int) -> None:
    with pytest.raises(InvalidPayload, match="nested deeper than 64 levels"):
        encode(nested_value(levels))
    with pytest.raises(InvalidPayload, match=r"nested deeper than 64 levels|depth (limit|exceeded)"):
        decode(b"[" * levels + b"]" * levels)


def test_nesting_up_to_its_bound_and_many_brackets_are_taken() -> None:
    deepest = nested_value(64)
    assert decode(encode(deepest)) == deepest
    wide: list[object] = [[] for _ in range(1_000)]
    assert decode(encode(wide)) == wide
    assert decode(encode("[" * 1_000)) == "[" * 1_000


@pytest.mark.parametrize("size", [0, 1, 100])
def test_size_is_counted_in_bytes_of_json(size: int) -> None:
    text = "ü" * size
    assert len(encode(text, max_bytes=2 * size + 2)) == 2 * size + 2
    with pytest.raises(
        PayloadTooLarge, match=rf"^The payload has {2 * size + 2} bytes, but may have at most"
    ) as refusal:
        encode(text, max_bytes=2 * size + 1)
    assert refusal.value.status == 413
    with pytest.raises(PayloadTooLarge, match=r"^The body has 3 bytes, but may have at most 2\.$"):
        decode(b"123", max_bytes=2)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nul",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e309",
        b"[1,]",
        b"{'a':1}",
        b'{"a":1}x',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"a\0b"',
        rb'"\ud800"',
        rb'"\udc00\ud800"',
        rb'{"\ud800":1}',
        b"\xef\xbb\xbf1",
        b"01",
        b"1" * 5_000,
    ],
)
def test_what_is_not_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidPayload, match=r"^The body is not JSON: .*\.$") as refusal:
        decode(text)
    assert refusal.value.detail == {"field": "body"}


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (rb'{"a":["\u0000"]}', "holds a NUL character, at $.a[0]"),
        (rb'{"a\u0000":1}', r"holds a NUL character, at $['a\x00']"),
        (b'{"a":123456789012345678901}', "holds an integer beyond 64 bits (send it as text), at $.a"),
        (b'{"a":[18446744073709551616]}', "holds an integer beyond 64 bits (send it as text), at $.a[0]"),
        (b"-9223372036854775809", "holds an integer beyond 64 bits (send it as text), at $"),
        (b"[" + b"9" * 300 + b"]", "holds an integer beyond 64 bits (send it as text), at $[0]"),
    ],
)
def test_json_that_jsonb_or_a_parser_would_change_is_refused(text: bytes, flaw: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        decode(text)
    assert refusal.value.message == f"The body {flaw}."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b'"12345678901234567890123"', "12345678901234567890123"),
        (b"1.12345678901234567890123", 1.1234567890123457),
        (b"1e30", 1e30),
        (rb'"\\u0000"', r"\u0000"),
        (rb'"\ud83c\udf89"', "🎉"),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b" [ ] ", []),
    ],
)
def test_what_looks_like_a_flaw_but_is_none_is_taken(text: bytes, value: object) -> None:
    assert decode(text) == value


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The values that were walked through for flaws."""
    walked: list[object] = []

    def watched(value: object, *, max_nesting: int) -> str | None:
        walked.append(value)
        return flaw_in(value, max_nesting=max_nesting)

    monkeypatch.setattr(payloads, "flaw_in", watched)
    return iter([walked])


def test_neither_a_common_payload_nor_a_wide_text_is_walked(walks: Iterator[list[object]]) -> None:
    common = {"to": "a@example.com", "subject": "Hello {name} [1]", "n": 3, "ok": True, "price": 1.5, "lines": [1, 2]}
    decode(encode(common))
    decode(b"[" + b"[]," * 1_000 + b"[]]")
    assert next(walks) == []


@given(st.dictionaries(sound_text, sound_scalars, min_size=2))
def test_equal_parts_have_equal_hashes(parts: dict[str, object]) -> None:
    backwards = dict(reversed(parts.items()))
    assert canonical_hash("enqueue", {"deep": parts}) == canonical_hash("enqueue", {"deep": backwards})


def test_different_parts_have_different_hashes() -> None:
    hashes = {
        canonical_hash(*parts)
        for parts in [(), ("",), ("", ""), ("a", "b"), ("ab",), ("b", "a"), (["a", "b"],), (None,), (1,), ("1",)]
    }
    assert len(hashes) == 10
    assert {len(digest) for digest in hashes} == {32}


def test_a_hash_is_the_same_for_ever() -> None:
    assert canonical_hash("tasks", {"b": 1, "a": [None, 1.5, "ü"]}).hex() == (
        "ec269cbca14224bf16f3d1343e500a1834b13a55959dc1801d984cb3b73d241e"
    )


@pytest.mark.parametrize("part", [object(), {1: 2}, 2**64, "\ud800"])
def test_what_is_not_json_has_no_hash(part: object) -> None:
    with pytest.raises(InvalidPayload, match=r"^The request is not JSON: .*\.$"):
        canonical_hash(part)
