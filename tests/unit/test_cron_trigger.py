"""Cron windows: by table, and by a slow and simple reference wherever one starts, ends and looks back from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.harness.vixie import Vixie

from rowlock.domain.bounds import EARLIEST, LATEST
from rowlock.domain.cron_trigger import CronTrigger

HOUR = timedelta(hours=1)

# Hours before each of these, clocks change; by half an hour in Lord Howe, at midnight in Havana, Beirut and Cairo, by a
# whole day in Apia, at 00:01 in St. John's.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T12:00Z"),
    ("Europe/Berlin", "2026-10-25T12:00Z"),
    ("America/New_York", "2026-03-08T12:00Z"),
    ("America/New_York", "2026-11-01T12:00Z"),
    ("Australia/Lord_Howe", "2026-04-05T00:00Z"),
    ("Australia/Lord_Howe", "2026-10-04T00:00Z"),
    ("America/Havana", "2026-03-08T12:00Z"),
    ("America/Havana", "2026-11-01T12:00Z"),
    ("Asia/Beirut", "2026-03-29T06:00Z"),
    ("Asia/Beirut", "2026-10-25T06:00Z"),
    ("Africa/Cairo", "2026-04-24T06:00Z"),
    ("Africa/Cairo", "2026-10-30T06:00Z"),
    ("Pacific/Apia", "2011-12-30T18:00Z"),
    ("America/St_Johns", "2010-03-14T12:00Z"),
    ("America/St_Johns", "2010-11-07T12:00Z"),
    ("UTC", "2026-01-01T00:00Z"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def between(trigger: CronTrigger, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda window: window <= until, trigger.windows_after(after)))


@pytest.mark.parametrize(
    ("fields", "zone", "after", "windows"),
    [
        ("0 9 * * MON-FRI", "UTC", "2026-01-02T09:00Z", ["2026-01-05T09:00Z", "2026-01-06T09:00Z"]),
        ("0 9 * * *", "Europe/Berlin", "2026-01-01T00:00Z", ["2026-01-01T08:00Z", "2026-01-02T08:00Z"]),
        ("0 0 31 * *", "UTC", "2026-01-31T00:00Z", ["2026-03-31T00:00Z", "2026-05-31T00:00Z"]),
        ("0 0 L 2 *", "UTC", "2026-01-01T00:00Z", ["2026-02-28T00:00Z", "2027-02-28T00:00Z", "2028-02-29T00:00Z"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]),
        ("0 0 13 * 5", "UTC", "2026-02-12T00:00Z", ["2026-02-13T00:00Z", "2026-02-20T00:00Z"]),
        ("0 0 */2 * 5", "UTC", "2026-02-12T00:00Z", ["2026-02-13T00:00Z", "2026-02-27T00:00Z"]),
        ("*/20 * * * * *", "UTC", "2026-01-01T00:00:50Z", ["2026-01-01T00:01:00Z", "2026-01-01T00:01:20Z"]),
        # Wherever in the repeated hour (Berlin, 02:00 to 03:00) one starts.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30Z", ["2026-10-26T01:30Z"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15Z", ["2026-10-26T01:30Z"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25T00:15Z", ["2026-10-25T00:30Z", "2026-10-25T01:00Z"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25T01:15Z", ["2026-10-25T01:30Z", "2026-10-26T01:00Z"]),
    ],
)
def test_windows_by_table(fields: str, zone: str, after: str, windows: list[str]) -> None:
    found = CronTrigger(fields, zone).windows_after(at(after))
    assert list(islice(found, len(windows))) == [at(window) for window in windows]


def test_windows_are_utc_and_strictly_after() -> None:
    trigger = CronTrigger("0 0 * * *", "Europe/Berlin")
    first = next(trigger.windows_after(at("2026-06-01T12:00:00.5+02:00")))
    assert first.tzinfo is UTC
    assert next(trigger.windows_after(first)) > first
    assert next(trigger.windows_after(first - timedelta(microseconds=1))) == first


def test_there_are_no_windows_beyond_the_last_year() -> None:
    hourly = CronTrigger("0 * * * *", "Asia/Tokyo")
    assert between(hourly, LATEST - 3 * HOUR, datetime.max.replace(tzinfo=UTC)) == [
        at(f"9998-12-31T{hour}:00Z") for hour in (21, 22, 23)
    ]
    assert list(hourly.windows_after(LATEST)) == []
    assert list(CronTrigger("0 0 29 2 *", "UTC").windows_after(at("9996-03-01T00:00Z"))) == []
    assert list(hourly.windows_after(datetime.max.replace(tzinfo=UTC))) == []


def test_nothing_is_due_before_the_first_year() -> None:
    daily = CronTrigger("0 0 * * *", "UTC")
    assert next(daily.windows_after(datetime.min.replace(tzinfo=UTC))) == EARLIEST + timedelta(days=1)
    assert daily.newest_windows(after=datetime.min.replace(tzinfo=UTC), until=EARLIEST, n=5) == []


@pytest.mark.parametrize(("fields", "zone"), [("0 0 */31 2 1#5", "UTC"), ("* * */31 2 1#5", "Europe/Berlin")])
def test_a_rule_that_never_matches_has_no_windows(fields: str, zone: str) -> None:
    never = CronTrigger(fields, zone)  # February has no 1st that is its fifth Monday
    assert list(never.windows_after(at("2026-01-01T00:00Z"))) == []
    assert never.newest_windows(after=at("1990-01-01T00:00Z"), until=at("2026-01-01T00:00Z"), n=5) == []


def test_the_newest_windows_are_found_behind_a_gap_full_of_matches() -> None:
    every_minute = CronTrigger("* 2 * * *", "Europe/Berlin")
    newest = every_minute.newest_windows(after=at("2026-01-01T00:00Z"), until=at("2026-03-29T12:00Z"), n=3)
    assert newest == [at("2026-03-28T01:57Z"), at("2026-03-28T01:58Z"), at("2026-03-28T01:59Z")]


@pytest.mark.parametrize("n", [-1, 0])
def test_none_are_given_when_none_are_asked_for(n: int) -> None:
    assert CronTrigger("* * * * *", "UTC").newest_windows(after=EARLIEST, until=LATEST, n=n) == []


def test_the_newest_windows_do_not_cost_more_for_a_longer_past() -> None:
    every_second = CronTrigger("* * * * * *", "UTC")
    until = at("2026-01-01T00:00:00.7Z")
    newest = every_second.newest_windows(after=EARLIEST, until=until, n=3)
    assert newest == [until.replace(microsecond=0) - timedelta(seconds=back) for back in (2, 1, 0)]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ("0 9 * * MON-FRI", "At 09:00, Monday through Friday (Europe/Berlin)"),
        ("*/5 * * * *", "Every 5 minutes (Europe/Berlin)"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday (Europe/Berlin)"),
        # In cronsim's words, since cron-descriptor does not read it, or takes the AND of a star for OR.
        ("0 0 1 1,* *", "At 00:00 on the first day of January and every month (Europe/Berlin)"),
        ("0 0 */2 * 5", "At 00:00 on every second day of month if it's on Friday (Europe/Berlin)"),
        ("0 0 13 * */2", "At 00:00 on the 13th day of month if it's on every second day of week (Europe/Berlin)"),
    ],
)
def test_a_rule_is_said_in_english(fields: str, text: str) -> None:
    assert CronTrigger(fields, "Europe/Berlin").describe() == text


@pytest.mark.parametrize(
    ("fields", "gap"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/5 * * * *", timedelta(minutes=5)),
        ("*/7 * * * *", timedelta(minutes=4)),  # from :56 to :00
        ("*/25 * * * *", timedelta(minutes=10)),
        ("0 */5 * * *", timedelta(hours=4)),  # from 20:00 to 00:00
        ("50 * * * *", timedelta(hours=1)),
        ("0,59 0,23 * * *", timedelta(minutes=1)),  # over midnight
        ("0,59 0,23 1 * *", timedelta(minutes=59)),  # no midnight between two days that match
        ("30 3 * * *", timedelta(days=1)),
        ("30 2 * * *", timedelta(days=1)),  # by the clock on the wall: a changed clock does not count
        ("0 9,17 * * MON", timedelta(hours=8)),
        ("0 9 * * MON", timedelta(days=7)),
        ("0 9 * * FRI,MON", timedelta(days=3)),
        ("0 0 31 * *", timedelta(days=31)),
        ("0 0 1 1 *", timedelta(days=365)),
        ("0 0 29 2 *", timedelta(days=1_461)),
        ("0 0 13 * 5", timedelta(days=1)),  # now and then the 13th is a Thursday
        ("* * * * * *", timedelta(seconds=1)),
        ("30 * * * * *", timedelta(minutes=1)),
        ("0,59 * * * * *", timedelta(seconds=1)),
        ("0,50 0 * * * *", timedelta(seconds=50)),
        ("0,59 0,59 0,23 31,1 * *", timedelta(seconds=1)),
    ],
)
def test_the_shortest_gap_is_that_of_the_wall_clock(fields: str, gap: timedelta) -> None:
    assert CronTrigger(fields, "Europe/Berlin").shortest_gap(100) == gap


@given(st.lists(st.integers(0, 59), min_size=1, max_size=3), st.lists(st.integers(0, 23), min_size=1, max_size=3))
def test_no_two_windows_are_nearer_than_the_shortest_gap(minutes: list[int], hours: list[int]) -> None:
    trigger = CronTrigger(f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *", "UTC")
    windows = list(islice(trigger.windows_after(EARLIEST), 20))
    assert trigger.shortest_gap(100) == min(later - earlier for earlier, later in pairwise(windows))


def fields_of(lowest: int, highest: int) -> st.SearchStrategy[str]:
    number = st.integers(lowest, highest)
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.sampled_from(["*/2", "*/7", "*/10", "*/15", "*/20"])
    return st.just("*") | number.map(str) | spans | steps


rules = st.builds(
    "{} {} * * *".format, fields_of(0, 59), st.sampled_from(["*", "0", "1", "2", "3", "23", "0-3", "0,23", "*/2"])
)


@settings(max_examples=60)
@given(rules, st.sampled_from(CHANGES), st.integers(1, 26 * 3_600), st.integers(0, 26 * 3_600), st.integers(1, 40))
def test_windows_are_those_of_the_reference_wherever_one_starts(
    fields: str, change: tuple[str, str], before: int, later: int, n: int
) -> None:
    zone, changed = change
    trigger = CronTrigger(fields, zone)
    after = at(changed) - timedelta(seconds=before)
    until = at(changed) + 8 * HOUR
    windows = between(trigger, after, until)
    assert windows == list(Vixie.read(fields).windows_after(after, zone, until=until))
    middle = after + timedelta(seconds=later)
    assert between(trigger, middle, until) == [window for window in windows if window > middle]
    newest = trigger.newest_windows(after=after, until=min(middle, until), n=n)
    assert newest == [window for window in windows if window <= middle][-n:]


@given(rules, st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), st.sampled_from(CHANGES))  # noqa: DTZ001
def test_windows_rise(fields: str, after: datetime, change: tuple[str, str]) -> None:
    trigger = CronTrigger(fields, change[0])
    windows = list(islice(trigger.windows_after(after.replace(tzinfo=UTC)), 5))
    assert all(earlier < later for earlier, later in pairwise([after.replace(tzinfo=UTC), *windows]))
