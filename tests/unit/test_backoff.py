"""Pauses between tries."""

from __future__ import annotations

from rowlock.domain.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(0.1, 0.5, uniform=lambda _, high: high)
    assert [backoff.pause() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.pause() == 0.1


def test_pauses_differ_so_that_many_do_not_come_at_once() -> None:
    pauses = [Backoff(1, 2).pause() for _ in range(50)]
    assert all(0.5 <= pause <= 1 for pause in pauses)
    assert len(set(pauses)) > 40
