"""What a server's process does before it serves."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rowlock.cli.supervision.serving import COLLECT_AFTER, collect_less


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize(("before", "after"), [(700, COLLECT_AFTER), (COLLECT_AFTER + 1, COLLECT_AFTER + 1), (0, 0)])
def test_the_collector_runs_less_often_but_where_that_was_chosen(before: int, after: int) -> None:
    gc.set_threshold(before, 9, 8)
    collect_less()
    assert gc.get_threshold() == (after, 9, 8)
    assert gc.get_freeze_count() > 0
