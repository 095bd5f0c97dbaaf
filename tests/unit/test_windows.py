"""Which windows fire: the three policies, by table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.bounds import LATEST, MAX_DELAY
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.interval_trigger import IntervalTrigger
from rowlock.domain.trigger_base import Trigger
from rowlock.domain.triggers import parse_trigger
from rowlock.domain.windows import MissedRunPolicy, PassedOver, WindowPlan, decide_windows

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOURLY = CronTrigger("0 * * * *", "UTC")
CATCH_UP, LATEST_ONLY, SKIP = MissedRunPolicy


def plan(
    cursor: datetime,
    now: datetime,
    policy: MissedRunPolicy,
    *,
    trigger: Trigger = HOURLY,
    max_catch_up: int = 100,
    limit: int = 100,
    misfire_grace: timedelta = MINUTE,
    catch_up_window: timedelta | None = None,
) -> WindowPlan:
    return decide_windows(
        trigger,
        cursor=cursor,
        now=now,
        policy=policy,
        max_catch_up=max_catch_up,
        limit=limit,
        misfire_grace=misfire_grace,
        catch_up_window=catch_up_window,
    )


def hours(*numbers: int) -> list[datetime]:
    return [NOON + number * HOUR for number in numbers]


@pytest.mark.parametrize("policy", MissedRunPolicy)
def test_before_a_window_nothing_happens(policy: MissedRunPolicy) -> None:
    assert plan(NOON, NOON + HOUR - SECOND, policy) == WindowPlan(NOON, NOON + HOUR)


@pytest.mark.parametrize("policy", MissedRunPolicy)
@pytest.mark.parametrize("late", [timedelta(0), SECOND, MINUTE])
@pytest.mark.parametrize("max_catch_up", [0, 1, 100])
def test_a_window_that_is_due_on_time_fires_under_every_policy(
    policy: MissedRunPolicy, late: timedelta, max_catch_up: int
) -> None:
    planned = plan(NOON, NOON + HOUR + late, policy, max_catch_up=max_catch_up)
    assert planned == WindowPlan(NOON + HOUR, NOON + 2 * HOUR, fire=hours(1))


@pytest.mark.parametrize("policy", MissedRunPolicy)
def test_a_clock_that_went_back_fires_nothing_twice(policy: MissedRunPolicy) -> None:
    assert plan(NOON, NOON - 5 * HOUR, policy) == WindowPlan(NOON, NOON + HOUR)


@pytest.mark.parametrize(
    ("policy", "late", "max_catch_up", "fire", "skip", "reason"),
    [
        (CATCH_UP, 30 * MINUTE, 100, [1, 2, 3, 4, 5], [], ""),
        (CATCH_UP, 30 * MINUTE, 5, [1, 2, 3, 4, 5], [], ""),
        (CATCH_UP, 30 * MINUTE, 2, [4, 5], [1, 2, 3], "beyond_max_catch_up"),
        (CATCH_UP, 30 * MINUTE, 0, [], [1, 2, 3, 4, 5], "beyond_max_catch_up"),
        (CATCH_UP, SECOND, 0, [5], [1, 2, 3, 4], "beyond_max_catch_up"),
        (LATEST_ONLY, 30 * MINUTE, 100, [5], [1, 2, 3, 4], "superseded"),
        (LATEST_ONLY, SECOND, 100, [5], [1, 2, 3, 4], "superseded"),
        (SKIP, 30 * MINUTE, 100, [], [1, 2, 3, 4, 5], "missed"),
        (SKIP, MINUTE, 100, [5], [1, 2, 3, 4], "missed"),
        (SKIP, MINUTE + SECOND, 100, [], [1, 2, 3, 4, 5], "missed"),
    ],
)
def test_missed_windows_by_policy(
    *, policy: MissedRunPolicy, late: timedelta, max_catch_up: int, fire: list[int], skip: list[int], reason: str
) -> None:
    planned = plan(NOON, NOON + 5 * HOUR + late, policy, max_catch_up=max_catch_up)
    assert planned.fire == hours(*fire)
    assert planned.skip == [(window, reason) for window in hours(*skip)]
    assert planned.cursor == NOON + 5 * HOUR
    assert planned.next_at == NOON + 6 * HOUR
    assert planned.passed_over is None


def test_the_grace_can_be_set() -> None:
    planned = decide_windows(
        HOURLY, cursor=NOON, now=NOON + 90 * MINUTE, policy=SKIP, max_catch_up=0, misfire_grace=30 * MINUTE
    )
    assert planned.fire == hours(1)


@pytest.mark.parametrize(
    ("max_catch_up", "fire", "skip"), [(0, [3, 4, 5], [1, 2]), (2, [3, 4, 5], [1, 2]), (4, [2, 3, 4, 5], [1])]
)
def test_what_is_within_the_grace_is_not_missed_and_fires_beyond_all_bounds(
    max_catch_up: int, fire: list[int], skip: list[int]
) -> None:
    planned = plan(NOON, NOON + 5 * HOUR, CATCH_UP, max_catch_up=max_catch_up, misfire_grace=2 * HOUR)
    assert planned.fire == hours(*fire)
    assert planned.skip == [(window, "beyond_max_catch_up") for window in hours(*skip)]
    assert plan(NOON, NOON + 5 * HOUR, SKIP, misfire_grace=2 * HOUR).fire == hours(3, 4, 5)
    assert plan(NOON, NOON + 5 * HOUR, LATEST_ONLY, misfire_grace=2 * HOUR).fire == hours(5)


@pytest.mark.parametrize(
    ("catch_up_window", "max_catch_up", "too_old", "too_many"),
    [
        (None, 3, [], [1, 2]),
        (10 * HOUR, 100, [], []),
        (2 * HOUR + 30 * MINUTE, 100, [1, 2], []),  # not older than it
        (2 * HOUR + 30 * MINUTE - SECOND, 100, [1, 2, 3], []),
        (2 * HOUR + 30 * MINUTE, 3, [1, 2], []),
        (3 * HOUR + 30 * MINUTE, 2, [1], [2, 3]),
        (3 * HOUR + 30 * MINUTE, 0, [1], [2, 3, 4, 5]),
        (timedelta(0), 100, [1, 2, 3, 4, 5], []),
    ],
)
def test_catching_up_goes_back_so_far_and_no_further(
    catch_up_window: timedelta | None, max_catch_up: int, too_old: list[int], too_many: list[int]
) -> None:
    now = NOON + 5 * HOUR + 30 * MINUTE
    planned = plan(NOON, now, CATCH_UP, max_catch_up=max_catch_up, catch_up_window=catch_up_window)
    assert planned.skip == [
        *((window, "beyond_catch_up_window") for window in hours(*too_old)),
        *((window, "beyond_max_catch_up") for window in hours(*too_many)),
    ]
    assert planned.fire == hours(*range(len(too_old) + len(too_many) + 1, 6))


def test_what_is_on_time_fires_however_short_the_catch_up_window() -> None:
    planned = plan(NOON, NOON + 5 * HOUR + SECOND, CATCH_UP, catch_up_window=timedelta(0))
    assert (planned.fire, len(planned.skip)) == (hours(5), 4)


def test_runs_of_either_reason_are_passed_over_one_after_the_other() -> None:
    now = NOON + 1_000 * HOUR + 30 * MINUTE
    cursor, runs = NOON, []
    while (planned := plan(cursor, now, CATCH_UP, max_catch_up=2, limit=10, catch_up_window=500 * HOUR)).skip:
        assert (len(planned.skip), planned.fire) == (10, [])
        runs.append(planned.passed_over)
        cursor = planned.cursor
    assert runs == [
        PassedOver(NOON + 10 * HOUR, NOON + 500 * HOUR, "beyond_catch_up_window"),
        PassedOver(NOON + 510 * HOUR, NOON + 998 * HOUR, "beyond_max_catch_up"),
    ]
    assert planned.fire == hours(999, 1_000)


def test_jitter_delays_a_window_and_the_grace_counts_from_when_it_fires() -> None:
    jittered = parse_trigger("cron", "@hourly", "UTC", NOON, jitter_seconds=1_800, seed="a")
    fire_at = jittered.fire_at(NOON + HOUR)
    assert fire_at > NOON + HOUR + 2 * MINUTE
    assert plan(NOON, fire_at - SECOND, SKIP, trigger=jittered) == WindowPlan(NOON, fire_at)
    planned = plan(NOON, fire_at + MINUTE, SKIP, trigger=jittered)
    assert (planned.fire, planned.cursor) == (hours(1), NOON + HOUR)
    assert planned.next_at == jittered.fire_at(NOON + 2 * HOUR) > NOON + 2 * HOUR
    assert plan(NOON, fire_at + MINUTE + SECOND, SKIP, trigger=jittered).skip == [(NOON + HOUR, "missed")]
    caught_up = plan(NOON, fire_at + HOUR / 4, CATCH_UP, trigger=jittered, catch_up_window=HOUR / 4 - SECOND)
    assert caught_up.skip == [(NOON + HOUR, "beyond_catch_up_window")]


@pytest.mark.parametrize("policy", [SKIP, CATCH_UP])
def test_a_window_that_waited_for_a_jitter_that_was_shortened_is_due_from_then_on(policy: MissedRunPolicy) -> None:
    changed_at = NOON + HOUR + 30 * MINUTE

    def planned(late: timedelta, *, cursor: datetime = NOON) -> WindowPlan:
        return decide_windows(
            HOURLY,
            cursor=cursor,
            now=changed_at + late,
            policy=policy,
            max_catch_up=1,
            catch_up_window=timedelta(0),
            due_since=changed_at,
        )

    assert planned(MINUTE) == WindowPlan(NOON + HOUR, NOON + 2 * HOUR, fire=hours(1))
    assert planned(MINUTE + SECOND).fire == []
    late = planned(SECOND, cursor=NOON - 2 * HOUR)
    assert (late.fire, [window for window, _ in late.skip]) == (hours(1), hours(-1, 0))


def test_a_catch_up_is_cut_into_plans() -> None:
    now = NOON + 5 * HOUR
    first = plan(NOON, now, CATCH_UP, limit=2)
    assert (first.fire, first.cursor, first.next_at) == (hours(1, 2), NOON + 2 * HOUR, NOON + 3 * HOUR)
    second = plan(first.cursor, now, CATCH_UP, limit=2)
    assert second.fire == hours(3, 4)
    third = plan(second.cursor, now, CATCH_UP, limit=2)
    assert (third.fire, third.next_at) == (hours(5), NOON + 6 * HOUR)


def test_one_plan_may_skip_and_fire() -> None:
    planned = plan(NOON, NOON + 5 * HOUR, CATCH_UP, limit=3, max_catch_up=3)
    assert planned.skip == [(window, "beyond_max_catch_up") for window in hours(1, 2)]
    assert planned.fire == hours(3)
    assert planned.passed_over is None


@pytest.mark.parametrize(
    ("policy", "reason", "through", "fires_next"),
    [
        (CATCH_UP, "beyond_max_catch_up", 997, [998, 999, 1_000]),
        (LATEST_ONLY, "superseded", 999, [1_000]),
        (SKIP, "missed", 999, [1_000]),
    ],
)
def test_a_long_run_of_skipped_windows_is_passed_over_in_one_step(
    policy: MissedRunPolicy, reason: str, through: int, fires_next: list[int]
) -> None:
    now = NOON + 1_000 * HOUR + SECOND
    first = plan(NOON, now, policy, max_catch_up=3, limit=10)
    assert first.skip == [(window, reason) for window in hours(*range(1, 11))]
    assert first.fire == []
    assert first.passed_over == PassedOver(NOON + 10 * HOUR, NOON + through * HOUR, reason)
    assert first.cursor == first.passed_over.through
    second = plan(first.cursor, now, policy, max_catch_up=3, limit=10)
    assert (second.fire, second.skip, second.passed_over) == (hours(*fires_next), [], None)


def test_a_run_is_passed_over_to_its_end_when_nothing_fires() -> None:
    now = NOON + 1_000 * HOUR + 30 * MINUTE
    for policy in (CATCH_UP, SKIP):
        planned = plan(NOON, now, policy, max_catch_up=0, limit=10)
        assert planned.cursor == NOON + 1_000 * HOUR
        assert planned.next_at == NOON + 1_001 * HOUR


def test_nothing_is_passed_over_where_the_list_ends_at_the_first_to_fire() -> None:
    planned = plan(NOON, NOON + 5 * HOUR, LATEST_ONLY, limit=4)
    assert (planned.fire, planned.cursor, planned.passed_over) == ([], NOON + 4 * HOUR, None)
    assert planned.next_at == NOON + 5 * HOUR


def test_a_rule_without_further_windows_has_no_next_one() -> None:
    yearly = IntervalTrigger(timedelta(days=3_000), LATEST - timedelta(days=4_000))
    last = LATEST - timedelta(days=1_000)
    assert plan(last - HOUR, last, CATCH_UP, trigger=yearly) == WindowPlan(last, None, fire=[last])
    assert plan(last, LATEST, CATCH_UP, trigger=yearly) == WindowPlan(last, None)


def test_a_year_of_missed_seconds_costs_no_more_than_a_minute_of_them() -> None:
    looked_at = 0

    class Counted(IntervalTrigger):
        __slots__ = ()

        def windows_after(self, instant: datetime) -> Iterator[datetime]:
            nonlocal looked_at
            for window in IntervalTrigger.windows_after(self, instant):
                looked_at += 1
                yield window

    every_second = Counted(SECOND, NOON)
    for policy in MissedRunPolicy:
        plan(NOON, NOON + timedelta(days=365), policy, trigger=every_second, max_catch_up=10_000)
    assert looked_at < 350


@pytest.mark.parametrize(
    ("max_catch_up", "limit", "field"), [(-1, 100, "max_catch_up"), (10_001, 100, "max_catch_up"), (1, 0, "limit")]
)
def test_bounds_out_of_bounds_are_refused(max_catch_up: int, limit: int, field: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^The field {field} is ") as refusal:
        plan(NOON, NOON, CATCH_UP, max_catch_up=max_catch_up, limit=limit)
    assert refusal.value.detail == {"field": field}


@pytest.mark.parametrize("field", ["misfire_grace", "catch_up_window"])
@pytest.mark.parametrize("span", [-SECOND, MAX_DELAY + SECOND])
def test_spans_out_of_bounds_are_refused(field: str, span: timedelta) -> None:
    with pytest.raises(InvalidArgument, match=rf"^The field {field} is .*, but must be 0 to 3660 days\.$") as refusal:
        plan(NOON, NOON, CATCH_UP, **{field: span})  # type: ignore[arg-type]  # either takes a timedelta
    assert refusal.value.detail == {"field": field}
