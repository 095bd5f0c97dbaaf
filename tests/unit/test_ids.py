"""Ids: version 7, rising in one process, one spelling each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.ids import new_id, new_ids, parse_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = new_id()
    assert type(made) is UUID
    assert made.version == 7
    assert made.variant == RFC_4122


def test_ids_rise_strictly() -> None:
    made = [*new_ids(20_000), new_id(), *new_ids(3)]
    assert all(earlier < later for earlier, later in pairwise(made))
    assert all(earlier.bytes < later.bytes for earlier, later in pairwise(made))  # as PostgreSQL sorts


def test_no_ids_are_made_when_none_are_asked_for() -> None:
    assert list(new_ids(0)) == []


def test_ids_in_a_row_are_a_sequence_of_them() -> None:
    made = new_ids(3)
    assert len(made) == 3
    assert [each.bytes for each in made] == made.as_bytes
    assert [made[0], made[1], made[-1]] == list(made)
    assert list(made[1:]) == list(made)[1:]
    assert {type(each) for each in made} == {UUID}
    assert made[2] in made
    with pytest.raises(IndexError):
        made[3]


def test_ids_rise_in_every_thread_and_never_repeat() -> None:
    with ThreadPoolExecutor(4) as threads:
        batches = list(threads.map(new_ids, [5_000] * 8))
    assert all(list(batch) == sorted(batch) for batch in batches)
    assert len({made for batch in batches for made in batch}) == 40_000


@given(st.uuids())
def test_an_id_is_read_in_either_case(made: UUID) -> None:
    assert parse_id(str(made)) == parse_id(str(made).upper()) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "0190a5dac967774b8bcceb302099a805",
        "0190a5da-c967-774b-8bcc-eb302099a80",
        "0190a5da-c967-774b-8bcc-eb302099a80500",
        "{0190a5da-c967-774b-8bcc-eb302099a805}",
        "urn:uuid:0190a5da-c967-774b-8bcc-eb302099a805",
        "0190a5da-c967-774b-8bcc-eb302099a80_",
        " 0190a5da-c967-774b-8bcc-eb302099a805",
        "0190a5da-c967-774b-8bcc-eb302099a805\n",
        "٠190a5da-c967-774b-8bcc-eb302099a805",
        7,
        None,
    ],
)
def test_any_other_spelling_is_refused(text: object) -> None:
    with pytest.raises(InvalidArgument, match=r" is not an id: .*\.$") as refusal:
        parse_id(text, field="task_id")
    assert refusal.value.detail == {"field": "task_id"}
