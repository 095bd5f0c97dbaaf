"""A lazy sequence is the list that its elements would make, and makes none before it is asked for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.lazy import LazySequence


@given(st.lists(st.integers()), st.slices(8))
def test_it_reads_as_the_list_would(source: list[int], part: slice) -> None:
    lazy, made = LazySequence(str, source), [str(number) for number in source]
    assert list(lazy) == made
    assert list(reversed(lazy)) == made[::-1]
    assert [lazy[at] for at in range(-len(made), len(made))] == made * 2
    assert list(lazy[part]) == made[part]
    assert len(lazy) == len(made)
    assert bool(lazy) is bool(made)
    assert repr(lazy) == repr(made)


def test_it_makes_what_it_is_asked_for() -> None:
    asked: list[int] = []
    lazy = LazySequence(asked.append, range(1_000))
    assert len(lazy[500:]) == 500
    assert asked == []
    lazy[-1]
    next(iter(lazy))
    assert asked == [999, 0]
