"""Whatever the ticks, pauses and crashes: each window is accounted for once, in order, as a simple reference has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rowlock.domain.trigger_base import Trigger
from rowlock.domain.triggers import TriggerKind, parse_trigger
from rowlock.domain.windows import MissedRunPolicy, WindowPlan, decide_windows

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def trigger_of(
    kind: TriggerKind, expression: str, zone: str = "UTC", *, jitter: float = 0, ends_at: datetime | None = None
) -> Trigger:
    return parse_trigger(kind, expression, zone, NOON, ends_at=ends_at, jitter_seconds=jitter, seed="replay")


TRIGGERS = [
    trigger_of("interval", "37"),
    trigger_of("interval", "5m", jitter=120),
    trigger_of("interval", "7m", ends_at=NOON + 3 * HOUR),
    trigger_of("cron", "*/10 * * * *", "Europe/Berlin"),
    trigger_of("cron", "0,30 1-3 * * *", "Europe/Berlin", jitter=3_600),
    trigger_of("cron", "59 1,2 * * *", "Europe/Berlin", jitter=1_800),
    trigger_of("calendar", "1 day at 02:30", "Europe/Berlin", jitter=600),
    trigger_of("once", "2026-01-01T13:00", jitter=60),
]
STARTS = [NOON, datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)]


@dataclass
class Schedule:
    """A row: its cursor, when it is due, and what its windows came to."""

    trigger: Trigger
    policy: MissedRunPolicy
    max_catch_up: int
    misfire_grace: timedelta
    catch_up_window: timedelta | None
    limit: int
    cursor: datetime
    next_at: datetime | None = None
    outcomes: list[tuple[datetime, str]] = field(default_factory=list)

    def plan(self, now: datetime) -> WindowPlan:
        return decide_windows(
            self.trigger,
            cursor=self.cursor,
            now=now,
            policy=self.policy,
            max_catch_up=self.max_catch_up,
            limit=self.limit,
            misfire_grace=self.misfire_grace,
            catch_up_window=self.catch_up_window,
        )

    def apply(self, plan: WindowPlan) -> None:
        listed = [*plan.skip, *((window, "fired") for window in plan.fire)]
        assert len(listed) <= self.limit
        if plan.passed_over is not None:
            run = plan.passed_over
            assert run.after == listed[-1][0]
            listed += [(window, run.reason) for window in self.windows(run.after, run.through)]
        assert plan.cursor == (listed[-1][0] if listed else self.cursor)
        self.outcomes += listed
        self.cursor, self.next_at = plan.cursor, plan.next_at

    def windows(self, after: datetime, until: datetime) -> list[datetime]:
        return list(takewhile(lambda window: window <= until, self.trigger.windows_after(after)))

    def expected(self, after: datetime, now: datetime) -> list[tuple[datetime, str]]:
        """The reference: what becomes of all windows due now, each looked at by itself."""
        due = [window for window in self.windows(after, now) if self.trigger.fire_at(window) <= now]
        newest = due[-self.max_catch_up :] if self.max_catch_up else []
        return [(window, self._outcome(window, now, newest, due[-1])) for window in due]

    def _outcome(self, window: datetime, now: datetime, newest: list[datetime], latest: datetime) -> str:
        late = now - self.trigger.fire_at(window)
        if self.policy is MissedRunPolicy.LATEST_ONLY:
            return "fired" if window == latest else "superseded"
        if late <= self.misfire_grace:
            return "fired"
        if self.policy is MissedRunPolicy.SKIP:
            return "missed"
        if self.catch_up_window is not None and late > self.catch_up_window:
            return "beyond_catch_up_window"
        return "fired" if window in newest else "beyond_max_catch_up"


schedules = st.builds(
    Schedule,
    trigger=st.sampled_from(TRIGGERS),
    policy=st.sampled_from(MissedRunPolicy),
    max_catch_up=st.sampled_from([0, 1, 2, 5, 30]),
    misfire_grace=st.sampled_from([timedelta(0), MINUTE, 20 * MINUTE, 3 * HOUR]),
    catch_up_window=st.sampled_from([None, timedelta(0), 10 * MINUTE, HOUR, 12 * HOUR]),
    limit=st.sampled_from([1, 2, 7, 40]),
    cursor=st.sampled_from(STARTS),
)
# Drawn one by one: of a range of timedeltas, hypothesis would mostly try the smallest.
pauses = st.lists(
    st.sampled_from([MINUTE / 60, MINUTE / 2, MINUTE, 7 * MINUTE, 25 * MINUTE, 2 * HOUR, 5 * HOUR, 9.1 * HOUR]),
    min_size=2,
    max_size=6,
)


@settings(max_examples=400)
@given(schedules, pauses)
def test_ticks_that_finish_their_work_do_what_the_reference_says(schedule: Schedule, pauses: list[timedelta]) -> None:
    begun = now = schedule.cursor
    expected: list[tuple[datetime, str]] = []
    for pause in pauses:
        now += pause
        expected += schedule.expected(schedule.cursor, now)
        schedule.apply(schedule.plan(now))
        while schedule.next_at is not None and schedule.next_at <= now:
            schedule.apply(schedule.plan(now))
    assert schedule.outcomes == expected
    following = next(schedule.trigger.windows_after(schedule.cursor), None)
    assert schedule.next_at == (None if following is None else schedule.trigger.fire_at(following))
    assert [window for window, _ in expected] == schedule.windows(begun, schedule.cursor)


@settings(max_examples=400)
@given(schedules, pauses, st.randoms(use_true_random=False))
def test_leaders_that_die_and_overtake_one_another_account_for_each_window_once(
    schedule: Schedule, pauses: list[timedelta], random: Random
) -> None:
    """A plan counts only if the cursor is still where it was seen, as the statement that writes it demands; here its
    leader dies, falls asleep over it, or is overtaken by another, and ticks end with work left over."""
    begun = now = schedule.cursor
    asleep: list[tuple[datetime, WindowPlan]] = []
    for pause in pauses:
        now += pause
        for _ in range(random.randint(1, 6)):
            seen, plan = schedule.cursor, schedule.plan(now)
            fate = random.choice(["works", "works", "dies", "sleeps"])
            if fate == "sleeps":
                asleep.append((seen, plan))
            if fate == "works":
                schedule.apply(plan)
            if asleep and random.random() < 0.3:
                seen, plan = asleep.pop(random.randrange(len(asleep)))
                if seen == schedule.cursor:
                    schedule.apply(plan)
    now += timedelta(seconds=1)
    while (plan := schedule.plan(now)).cursor != schedule.cursor:
        schedule.apply(plan)
    assert [window for window, _ in schedule.outcomes] == schedule.windows(begun, schedule.cursor)
    following = next(schedule.trigger.windows_after(schedule.cursor), None)
    assert following is None or schedule.trigger.fire_at(following) > now


def test_a_week_of_silence_ends_as_each_policy_promises() -> None:
    hourly = parse_trigger("cron", "@hourly", "Europe/Berlin", NOON)
    now = NOON + timedelta(days=7, seconds=5)
    fired = {}
    for policy in MissedRunPolicy:
        schedule = Schedule(hourly, policy, 100, MINUTE, timedelta(days=3), 10, NOON)
        while (plan := schedule.plan(now)).cursor != schedule.cursor:
            schedule.apply(plan)
        assert len(schedule.outcomes) == 7 * 24
        fired[policy.value] = [window for window, outcome in schedule.outcomes if outcome == "fired"]
    last = NOON + timedelta(days=7)
    assert fired == {
        # Three days back are 72 windows; the 73rd is five seconds older than that.
        "catch_up": [last - hours * HOUR for hours in reversed(range(72))],
        "latest_only": [last],
        "skip": [last],
    }
