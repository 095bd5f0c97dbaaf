"""How much is claimed ahead follows the pace at which attempts end."""

from __future__ import annotations

import pytest

from rowlock.worker.pace import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("ended", "seconds", "ahead"),
    [(0, 1.0, 0), (400, 0.04, 200), (400, 1.0, 8), (10, 1.0, 0), (50, 1.0, 1), (1_000_000, 1.0, 20_000)],
)
def test_as_many_are_claimed_ahead_as_end_in_that_time(ended: int, seconds: float, ahead: int) -> None:
    clock = Clock()
    pace = Pace(0.02, monotonic=clock)
    for _ in range(ended):
        pace.ended()
    clock.now += seconds
    assert pace.ahead() == ahead


def test_a_pace_that_is_over_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(0.02, monotonic=clock)
    for _ in range(100):
        pace.ended()
    clock.now += 0.04
    assert pace.ahead() == 50
    clock.now += 0.01
    assert pace.ahead() == 50  # too early to tell anew
    clock.now += 0.02
    assert pace.ahead() == 0


def test_nothing_is_claimed_ahead_where_that_is_wanted() -> None:
    clock = Clock()
    pace = Pace(0, monotonic=clock)
    pace.ended()
    assert pace.ahead() == 0
    clock.now += 1
    assert pace.ahead() == 0


def test_a_worker_is_quick_while_what_it_holds_ends_within_a_moment() -> None:
    clock = Clock()
    pace = Pace(0.02, monotonic=clock)
    said = []
    for ended, held in ((0, 100), (110, 100), (90, 100), (2, 1), (0, 1), (0, 0), (0, 1)):
        for _ in range(ended):
            pace.ended()
        clock.now += 0.1
        assert pace.is_quick(held) == (said[-1] if said and held else True)  # too early to tell anew
        clock.now += 0.15000001
        said.append(pace.is_quick(held))
    assert said == [False, True, False, True, False, True, False]
