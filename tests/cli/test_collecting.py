"""The garbage collector, which has next to nothing to do in rowlock's programs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rowlock.cli import main
from rowlock.cli.collecting import COLLECT_AFTER, collect_less, keep_what_is_there


@pytest.fixture(autouse=True)
def collector_as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.set_threshold(*before)
    gc.freeze()  # as for all tests


@pytest.mark.parametrize(("before", "after"), [(700, COLLECT_AFTER), (COLLECT_AFTER + 1, COLLECT_AFTER + 1), (0, 0)])
def test_it_runs_less_often_but_where_that_was_chosen(before: int, after: int) -> None:
    gc.set_threshold(before, 9, 8)
    collect_less()
    assert gc.get_threshold() == (after, 9, 8)


def test_it_looks_no_more_at_what_a_server_has_when_it_begins() -> None:
    keep_what_is_there()
    assert gc.get_freeze_count() > 0


def test_a_command_runs_with_it_and_ends_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never switched off: what a command makes and lets go of may be much."""
    monkeypatch.setattr("sys.argv", ["rowlock", "version"])
    gc.set_threshold(700)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert gc.isenabled()
    assert gc.get_threshold()[0] == COLLECT_AFTER
    assert gc.get_freeze_count() > 0
