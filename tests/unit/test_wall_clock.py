"""Clocks on the wall and instants, on days on which one is not like the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.wall_clock import instant_of, passes, shift_between, wall_of

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-06-01T12:00", "2026-06-01T10:00Z"),
        ("Europe/Berlin", "2026-03-29T01:59:59.999999", "2026-03-29T00:59:59.999999Z"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30:15.5", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30Z"),
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T03:00Z"),
        ("Pacific/Apia", "2011-12-30T17:00", "2011-12-30T10:00Z"),
        ("Africa/Monrovia", "1972-01-07T00:10", "1972-01-07T00:44:30Z"),
    ],
)
def test_a_wall_clock_time_has_one_instant(zone: str, wall: str, instant: str) -> None:
    assert instant_of(at(wall), ZoneInfo(zone)) == at(instant)


def test_a_time_shown_twice_has_two_passes() -> None:
    assert passes(at("2026-10-25T02:30"), BERLIN) == (at("2026-10-25T00:30Z"), at("2026-10-25T01:30Z"))
    assert passes(at("2026-10-25T03:30"), BERLIN) == (at("2026-10-25T02:30Z"),) * 2


def test_the_shift_is_found_from_anywhere_around_it() -> None:
    shift = at("2026-03-29T01:00Z")
    for before, after in ((1, 0), (1, 1), (3_600, 3_600), (0.5, 0.5), (80_000, 0)):
        found = shift_between(shift - timedelta(seconds=before), shift + timedelta(seconds=after), BERLIN)
        assert found == shift


@given(st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - clocks on the wall have no zone
def test_a_time_that_is_shown_is_shown_at_its_instant(wall: datetime) -> None:
    first, second = passes(wall, BERLIN)
    if first <= second:
        assert wall_of(instant_of(wall, BERLIN), BERLIN) == wall
    else:
        assert second < instant_of(wall, BERLIN) <= first
