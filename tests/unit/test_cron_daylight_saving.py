"""Cron on days on which clocks change, zone by zone, to the minute: the domain and the reference agree with the table.

Clocks go forward or back by an hour (Berlin), by half an hour (Lord Howe), at midnight (Sao Paulo), by a quarter once
(Kathmandu), back in winter and forward in spring for a month of fasting (Casablanca), or leave out a whole day (Apia).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from tests.harness.vixie import Vixie

from rowlock.domain.cron_expressions import parse_cron

DAY = timedelta(days=1)

# Zone, day, rule, and the local times of its windows in the 36 hours up to the end of that day; a prime marks a time's
# second pass.
TABLE = [
    # Forward, 02:00 to 03:00. A time that is left out comes at the shift, and once however many are left out.
    ("Europe/Berlin", "2026-03-29", "30 2 * * *", "29 03:00"),
    ("Europe/Berlin", "2026-03-29", "0,15,30,45 2 * * *", "29 03:00"),
    ("Europe/Berlin", "2026-03-29", "0 2,3 * * *", "29 03:00"),
    ("Europe/Berlin", "2026-03-29", "30 1,2,3 29 3 *", "29 01:30, 29 03:00, 29 03:30"),
    ("Europe/Berlin", "2026-03-29", "15 30 2 * * *", "29 03:00"),
    ("Europe/Berlin", "2026-03-29", "0 2 1-31 * SUN", "29 03:00"),
    # What starts with a star follows elapsed time: nothing is left out that would have to be made up for.
    ("Europe/Berlin", "2026-03-29", "*/30 2 * * *", ""),
    ("Europe/Berlin", "2026-03-29", "*/30 1-3 29 * *", "29 01:00, 29 01:30, 29 03:00, 29 03:30"),
    ("Europe/Berlin", "2026-03-29", "30 */2 29 3 *", "29 00:30, 29 04:30, 29 06:30, 29 08:30, 29 10:30, 29 12:30, "
     "29 14:30, 29 16:30, 29 18:30, 29 20:30, 29 22:30"),
    ("Europe/Berlin", "2026-03-29", "*/20 0-4/2 29 3 *", "29 00:00, 29 00:20, 29 00:40, 29 04:00, 29 04:20, 29 04:40"),
    # Back, 03:00 to 02:00. A time that is shown twice comes at the first pass; with a star, at both.
    ("Europe/Berlin", "2026-10-25", "30 2 * * *", "25 02:30"),
    ("Europe/Berlin", "2026-10-25", "0,30 2,3 25 10 *", "25 02:00, 25 02:30, 25 03:00, 25 03:30"),
    ("Europe/Berlin", "2026-10-25", "*/30 2 * * *", "25 02:00, 25 02:30, 25 02:00', 25 02:30'"),
    ("Europe/Berlin", "2026-10-25", "0 */2 25 10 *", "25 00:00, 25 02:00, 25 02:00', 25 04:00, 25 06:00, 25 08:00, "
     "25 10:00, 25 12:00, 25 14:00, 25 16:00, 25 18:00, 25 20:00, 25 22:00"),
    # Forward by half an hour, 02:00 to 02:30.
    ("Australia/Lord_Howe", "2026-10-04", "15 2 * * *", "04 02:30"),
    ("Australia/Lord_Howe", "2026-10-04", "0,15,30 2 * * *", "04 02:30"),
    ("Australia/Lord_Howe", "2026-10-04", "45 1,2 * * *", "04 01:45, 04 02:45"),
    ("Australia/Lord_Howe", "2026-10-04", "*/15 2 * * *", "04 02:30, 04 02:45"),
    # Back by half an hour, 02:00 to 01:30.
    ("Australia/Lord_Howe", "2026-04-05", "45 1 * * *", "05 01:45"),
    ("Australia/Lord_Howe", "2026-04-05", "15,45 1,2 * * *", "05 01:15, 05 01:45, 05 02:15, 05 02:45"),
    ("Australia/Lord_Howe", "2026-04-05", "*/15 1 * * *",
     "05 01:00, 05 01:15, 05 01:30, 05 01:45, 05 01:30', 05 01:45'"),
    # Forward at midnight, 00:00 to 01:00: the day begins an hour late.
    ("America/Sao_Paulo", "2018-11-04", "0 0 * * *", "04 01:00"),
    ("America/Sao_Paulo", "2018-11-04", "@daily", "04 01:00"),
    ("America/Sao_Paulo", "2018-11-04", "@weekly", "04 01:00"),
    ("America/Sao_Paulo", "2018-11-04", "30 0 4 11 *", "04 01:00"),
    ("America/Sao_Paulo", "2018-11-04", "30 0 3 11 *", ""),
    ("America/Sao_Paulo", "2018-11-04", "*/30 0 * * *", ""),
    # Back at midnight, 00:00 to 23:00 of the day before: that day ends twice.
    ("America/Sao_Paulo", "2018-02-18", "30 23 * * *", "17 23:30, 18 23:30"),
    ("America/Sao_Paulo", "2018-02-18", "0 0 * * *", "18 00:00"),
    ("America/Sao_Paulo", "2018-02-18", "*/30 23 17 * *", "17 23:00, 17 23:30, 17 23:00', 17 23:30'"),
    ("America/Sao_Paulo", "2018-02-18", "*/30 23 18 * *", "18 23:00, 18 23:30"),
    # A day that never was, 30 December 2011, a Friday: its fixed times come when the 31st begins.
    ("Pacific/Apia", "2011-12-31", "0 12 * * *", "31 00:00, 31 12:00"),
    ("Pacific/Apia", "2011-12-31", "0 0 * * *", "31 00:00"),
    ("Pacific/Apia", "2011-12-31", "0 12 30 12 *", "31 00:00"),
    ("Pacific/Apia", "2011-12-31", "0,30 0-23 30 12 *", "31 00:00"),
    ("Pacific/Apia", "2011-12-31", "0 12 1-31 * FRI", "31 00:00, 31 12:00"),
    ("Pacific/Apia", "2011-12-31", "0 12 31 12 *", "31 12:00"),
    ("Pacific/Apia", "2011-12-31", "30 * 30 12 *", ""),
    ("Pacific/Apia", "2011-12-31", "0 */8 * * *", "29 16:00, 31 00:00, 31 08:00, 31 16:00"),
    # Forward by a quarter, at midnight, once and for all: +5:30 to +5:45.
    ("Asia/Kathmandu", "1986-01-01", "0 0 * * *", "01 00:15"),
    ("Asia/Kathmandu", "1986-01-01", "10,20 0 1 1 *", "01 00:15, 01 00:20"),
    ("Asia/Kathmandu", "1986-01-01", "*/10 0 1 1 *", "01 00:20, 01 00:30, 01 00:40, 01 00:50"),
    ("Asia/Kathmandu", "2026-06-01", "0 0 * * *", "01 00:00"),
    # Back before Ramadan, 03:00 to 02:00, and forward after it.
    ("Africa/Casablanca", "2026-02-15", "30 2 * * *", "15 02:30"),
    ("Africa/Casablanca", "2026-02-15", "*/30 2 15 * *", "15 02:00, 15 02:30, 15 02:00', 15 02:30'"),
    ("Africa/Casablanca", "2026-03-22", "30 2 * * *", "22 03:00"),
    ("Africa/Casablanca", "2026-03-22", "*/30 2 * * *", ""),
]  # fmt: skip


def shown(instants: list[datetime], zone: str) -> str:
    local = [instant.astimezone(ZoneInfo(zone)) for instant in instants]
    return ", ".join(f"{wall:%d %H:%M}{chr(39) if wall.fold else ''}" for wall in local)


@pytest.mark.parametrize(("zone", "day", "rule", "local_times"), TABLE)
def test_days_on_which_clocks_change(zone: str, day: str, rule: str, local_times: str) -> None:
    end = (datetime.fromisoformat(day) + DAY).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    after, until = end - 1.5 * DAY, end - timedelta(seconds=1)
    windows = list(takewhile(lambda window: window <= until, parse_cron(rule, zone).windows_after(after)))
    assert shown(windows, zone) == local_times
    assert list(Vixie.read(rule).windows_after(after, zone, until=until)) == windows


def test_a_shift_within_a_minute_is_met_to_the_second() -> None:
    """Liberia went from 44:30 minutes behind UTC to UTC at midnight, 7 January 1972, local time."""
    daily = parse_cron("10 0 * * *", "Africa/Monrovia").windows_after(datetime.fromisoformat("1972-01-06T12:00Z"))
    assert next(daily) == datetime.fromisoformat("1972-01-07T00:44:30Z")
    assert next(daily) == datetime.fromisoformat("1972-01-08T00:10Z")
