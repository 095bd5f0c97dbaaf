"""Errors: one stable problem type each, and everything that an entrance needs to answer with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from rowlock.domain.errors import RowlockError


def kinds_of(base: type[RowlockError]) -> Iterator[type[RowlockError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == RowlockError.__module__:
            yield kind
        yield from kinds_of(kind)


KINDS = sorted(set(kinds_of(RowlockError)), key=lambda kind: kind.__name__)


def test_each_problem_type_belongs_to_one_error() -> None:
    everything: list[type[RowlockError]] = [RowlockError, *KINDS]
    assert max(Counter(kind.problem for kind in everything).values()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_how_to_answer(kind: type[RowlockError]) -> None:
    error = kind("Task 7 is gone. Ask for another.", field="id")
    assert str(error) == error.message == "Task 7 is gone. Ask for another."
    assert error.detail == {"field": "id"}
    assert 400 <= error.status <= 599
    assert 1 <= error.exit_code <= 125
    assert error.problem == error.problem.lower().replace(" ", "-")
    assert error.title[0].isupper()
    assert (kind.__doc__ or "").endswith(".")
