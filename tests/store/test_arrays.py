"""Arrays in binary are what psycopg's own lists are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import Transformer

from rowlock.domain.ids import Ids
from rowlock.store.arrays import Bigints, Instants, Integers, Smallints, Texts, Uuids, register_arrays


def dumped(parameter: Sequence[Any]) -> bytes:
    transformer = Transformer()
    register_arrays(transformer)
    [data] = transformer.dump_sequence([parameter], [psycopg.adapt.PyFormat.AUTO])
    assert data is not None
    return bytes(data)


@given(st.lists(st.uuids(), min_size=1))
def test_ids_read_back_as_they_were(ids: list[UUID]) -> None:
    loader = Transformer().get_loader(2951, psycopg.pq.Format.BINARY)
    assert loader.load(dumped(Uuids(ids))) == ids
    assert loader.load(dumped(Ids([each.bytes for each in ids]))) == ids


@pytest.mark.parametrize(("kind", "oid", "bits"), [(Smallints, 1005, 16), (Integers, 1007, 32), (Bigints, 1016, 64)])
@given(data=st.data())
def test_numbers_read_back_as_they_were(
    kind: Callable[[list[int]], list[int]], oid: int, bits: int, data: st.DataObject
) -> None:
    numbers = data.draw(st.lists(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), min_size=1))
    loader = Transformer().get_loader(oid, psycopg.pq.Format.BINARY)
    assert loader.load(dumped(kind(numbers))) == numbers


@given(st.lists(st.datetimes(timezones=st.timezones()), min_size=1))
def test_instants_read_back_as_they_were(instants: list[datetime]) -> None:
    loader = Transformer().get_loader(1185, psycopg.pq.Format.BINARY)
    for read, written in zip(loader.load(dumped(Instants(instants))), instants, strict=True):
        assert read == written.astimezone(UTC)


async def test_the_server_takes_them_empty_ones_too(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        register_arrays(connection)
        for ids, tokens in (([], []), ([UUID(int=7)], [1]), ([UUID(int=1), UUID(int=2)], [-5, 2**62])):
            row = await (
                await connection.execute("SELECT %s::uuid[], %s::bigint[]", (Uuids(ids), Bigints(tokens)))
            ).fetchone()
            assert row == (ids, tokens)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_texts_read_back_as_they_were(texts: list[str]) -> None:
    loader = Transformer().get_loader(1009, psycopg.pq.Format.BINARY)
    assert loader.load(dumped(Texts(texts))) == texts
