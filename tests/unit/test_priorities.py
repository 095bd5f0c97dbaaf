"""Priorities: their order, their names, and what is refused."""

from __future__ import annotations

import pytest

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.priorities import Priority, parse_priority


def test_smaller_runs_first() -> None:
    assert sorted(Priority) == [Priority.CRITICAL, Priority.HIGH, Priority.NORMAL, Priority.LOW]
    assert [int(priority) for priority in Priority] == [0, 1, 2, 3]


@pytest.mark.parametrize("priority", Priority)
def test_every_spelling_is_read(priority: Priority) -> None:
    for spelling in (priority, int(priority), priority.label, priority.name, priority.label.title()):
        assert parse_priority(spelling) is priority


@pytest.mark.parametrize("value", ["urgent", "", " high", "1", 4, -1, True, False, 1.0, None, b"high", "HIGH\0"])
def test_anything_else_is_refused_in_a_sentence(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^The priority .* is unknown: use critical, .*\.$") as refusal:
        parse_priority(value)
    assert refusal.value.detail == {"field": "priority"}
