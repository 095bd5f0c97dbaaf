"""The book of lanes: strict priorities, fair shares, floors, sweeps, and bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.lanes import Allowance, Lane, LaneBook, LanePlan, SweepPlan
from rowlock.domain.sweeps import Sweep

START = datetime(2026, 1, 1, tzinfo=UTC)
SLACK = timedelta(seconds=2)


def lane(name: str, priority: int = 2, queue: str = "default") -> Lane:
    return Lane(queue, priority, name)


def book_of(*lanes: Lane, **settings: int) -> LaneBook:
    book = LaneBook(**settings)  # type: ignore[arg-type]  # every setting used here is a number
    book.replace(lanes)
    return book


def whole(*names: str) -> list[SweepPlan]:
    """Whole sweeps of lanes, as they are reported."""
    return [SweepPlan(lane(name), None, START, Sweep.WHOLE) for name in names]


def names(plans: list[LanePlan]) -> list[str]:
    return [plan.lane.lane for plan in plans]


def test_an_empty_book_has_no_plan() -> None:
    assert LaneBook().plan(10) == []


@pytest.mark.parametrize("room", [0, -1])
def test_without_room_there_is_no_plan(room: int) -> None:
    assert book_of(lane("a")).plan(room) == []


def test_tasks_whose_places_nobody_knows_leave_floor_and_start_as_they_are() -> None:
    """All of one claim were lost by another worker: there may be more of them where it began."""
    book = book_of(lane("a"))
    book.plan(1)
    book.claimed(lane("a"), START)
    [floor] = [plan.floor for plan in book.plan(1)]
    late = START - timedelta(minutes=1)
    book.swept(whole("a"), {lane("a"): late}, 0, seconds=0)
    for _ in range(2):
        assert book.plan(1) == [LanePlan(lane("a"), late, 1)]
        book.claimed(lane("a"), None)
    book.claimed(lane("never"), None)
    book.came_up_short(lane("a"))
    book.replace([lane("a")])
    assert book.plan(1) == [LanePlan(lane("a"), floor, 1)]


def test_a_single_lane_gets_the_whole_room_and_its_first_scan_has_no_floor() -> None:
    assert book_of(lane("a")).plan(500) == [LanePlan(lane("a"), None, 500)]


def test_only_the_best_priority_is_planned_until_its_lanes_come_up_short() -> None:
    book = book_of(lane("low", 3), lane("critical", 0), lane("high", 1), lane("other", 0, "mail"))
    assert names(book.plan(10)) == ["critical", "other"]
    book.came_up_short(lane("critical", 0))
    assert names(book.plan(10)) == ["other"]
    book.came_up_short(lane("other", 0, "mail"))
    assert names(book.plan(10)) == ["high"]
    book.came_up_short(lane("high", 1))
    book.came_up_short(lane("low", 3))
    assert book.plan(10) == []


def test_room_is_shared_equally_and_the_remainder_goes_to_those_who_waited_longest() -> None:
    book = book_of(lane("a"), lane("b"), lane("c"))
    book.plan(1)
    book.claimed(lane("a"), START)
    assert [(plan.lane.lane, plan.quota) for plan in book.plan(8)] == [("b", 3), ("c", 3), ("a", 2)]


def test_with_less_room_than_lanes_they_take_turns() -> None:
    book = book_of(*(lane(str(number)) for number in range(5)))
    served: Counter[str] = Counter()
    for _ in range(10):
        for plan in book.plan(2):
            assert plan.quota == 1
            served[plan.lane.lane] += 1
            book.claimed(plan.lane, START)
    assert set(served.values()) == {4}


def test_one_claim_asks_a_bounded_number_of_lanes() -> None:
    book = book_of(*(lane(str(number)) for number in range(250)))
    seen: set[str] = set()
    for _ in range(3):
        plans = book.plan(1_000)
        assert len(plans) == 100
        seen.update(names(plans))
        for plan in plans:
            book.claimed(plan.lane, START)
    assert len(seen) == 250


def allowance(room: int, *queues: str) -> Allowance:
    return Allowance(frozenset(queues), room)


def test_lanes_of_an_allowance_share_it_and_leave_the_rest_to_others() -> None:
    book = book_of(lane("a", queue="x"), lane("b", queue="y"), lane("c"), lane("d"))
    plans = book.plan(50, [allowance(3, "x", "y")])
    assert [(plan.lane.lane, plan.quota) for plan in plans] == [("a", 2), ("b", 1), ("c", 24), ("d", 23)]
    for plan in plans:
        book.claimed(plan.lane, START)
    plans = book.plan(50, [allowance(1, "x", "y")])
    assert [(plan.lane.lane, plan.quota) for plan in plans] == [("b", 1), ("d", 25), ("c", 24)]


@pytest.mark.parametrize("room", [0, -1])
def test_lanes_of_an_allowance_that_is_used_up_wait_as_they_are(room: int) -> None:
    book = book_of(lane("urgent", 0, "x"), lane("light"))
    full = [allowance(room, "x")]
    assert names(book.plan(10, full)) == ["light"]
    assert not book.idle(full)
    book.came_up_short(lane("light"))
    assert book.plan(10, full) == []
    assert book.idle(full)
    assert not book.idle()
    assert names(book.plan(10, [allowance(1, "x")])) == ["urgent"]


def test_of_allowances_for_the_same_places_one_has_what_the_others_leave_and_each_its_turn() -> None:
    book = book_of(lane("t", queue="threads"), lane("m", queue="mixed"), lane("p", queue="children"))
    allowances = [
        Allowance(frozenset({"threads"}), 4, frozenset({"thread"})),
        Allowance(frozenset({"mixed"}), 6, frozenset({"thread", "process"})),
        Allowance(frozenset({"children"}), 2, frozenset({"process"})),
    ]
    planned = []
    for _ in range(4):
        plans = book.plan(60, allowances)
        planned.append({plan.lane.lane: plan.quota for plan in plans})
        for plan in plans:
            book.claimed(plan.lane, START)
    assert planned == [{"t": 4, "m": 2}, {"p": 2, "t": 4}, {"m": 6}, {"p": 2, "t": 4}]


def test_half_of_an_allowance_is_one_task_where_there_is_one() -> None:
    assert [allowance(room, "x").half.room for room in (-1, 0, 1, 2, 16)] == [0, 0, 1, 1, 8]


def test_a_claim_moves_the_floor_to_its_newest_task_less_the_slack() -> None:
    book = book_of(lane("a"))
    book.plan(10)
    book.claimed(lane("a"), START)
    assert book.plan(10) == [LanePlan(lane("a"), START - SLACK, 10)]


def test_a_lane_is_swept_every_few_seconds_once_it_has_a_floor() -> None:
    book = book_of(lane("a"), lane("never claimed"), sweep_seconds=5)
    assert book.plan_sweep(0) == []
    book.claimed(lane("a"), START)
    swept = []
    for now in range(12):
        if plans := book.plan_sweep(now):
            assert plans == [SweepPlan(lane("a"), None, START - SLACK, Sweep.WHOLE)]
            book.swept(plans, {}, now, seconds=0)
            swept.append(now)
    assert swept == [0, 5, 10]


def test_a_sweep_that_has_failed_is_due_still() -> None:
    book = book_of(lane("a"))
    book.claimed(lane("a"), START)
    assert book.plan_sweep(6) == book.plan_sweep(6) != []


def test_those_swept_longest_ago_are_swept_first() -> None:
    book = book_of(*(lane(name) for name in "abc"), lanes_per_sweep=2)
    for name in "abc":
        book.claimed(lane(name), START)
    swept = []
    for now in range(2):
        chosen = book.plan_sweep(10 * now)
        book.swept(chosen, {}, 10 * now, seconds=0)
        swept.append("".join(plan.lane.lane for plan in chosen))
    assert swept == ["ab", "ca"]


def test_the_next_claim_begins_with_what_a_sweep_has_found() -> None:
    book = book_of(lane("a"), lane("b"))
    for name in "ab":
        book.claimed(lane(name), START)
        book.came_up_short(lane(name))
    long_ago = START - timedelta(hours=1)
    book.swept(whole("a", "b", "forgotten"), {lane("a"): long_ago, lane("forgotten"): long_ago}, 0, seconds=0)
    assert book.plan(10) == [LanePlan(lane("a"), long_ago, 10)]
    assert dict(book.plan_scan(0)) == {lane("a"): long_ago, lane("b"): START - SLACK}
    book.came_up_short(lane("a"))  # for it is not to be had
    assert book.idle()
    assert dict(book.plan_scan(0))[lane("a")] == START - SLACK


def test_a_slow_sweep_is_not_soon_repeated() -> None:
    book = book_of(lane("a"), sweep_seconds=5)
    book.claimed(lane("a"), START)
    book.swept(whole("a"), {}, 0, seconds=2)
    assert [bool(book.plan_sweep(now)) for now in (5, 59, 60)] == [False, False, True]


def test_quick_sweeps_are_whole() -> None:
    book = book_of(lane("a"), sweep_seconds=5, lease_seconds=10)
    for now in range(0, 100, 5):
        book.claimed(lane("a"), START + timedelta(seconds=now))
        plans = book.plan_sweep(now)
        assert [plan.begins for plan in plans] == [None]
        book.swept(plans, {}, now, seconds=0.1)


def test_a_scan_looks_from_the_floors() -> None:
    book = book_of(lane("a"), lane("never claimed"))
    book.claimed(lane("a"), START)
    assert book.plan_scan(0) == [(lane("a"), START - SLACK)]


def test_what_a_sweep_finds_while_a_claim_is_on_its_way_is_for_the_next() -> None:
    book = book_of(lane("a"))
    book.claimed(lane("a"), START)
    assert book.plan(10)[0].floor == START - SLACK
    book.swept(whole("a"), {lane("a"): START - timedelta(hours=1)}, 0, seconds=0)
    book.claimed(lane("a"), START)
    assert book.plan(10)[0].floor == START - timedelta(hours=1)
    book.claimed(lane("a"), START - timedelta(hours=1))
    assert book.plan(10)[0].floor == START - timedelta(hours=1) - SLACK


def test_a_plan_that_was_thrown_away_has_taken_nothing_late() -> None:
    book = book_of(lane("a"))
    book.claimed(lane("a"), START)
    book.swept(whole("a"), {lane("a"): START - timedelta(hours=1)}, 0, seconds=0)
    assert book.plan(10) == book.plan(10) == [LanePlan(lane("a"), START - timedelta(hours=1), 10)]


def test_a_scan_is_told_of_the_lanes_served_last() -> None:
    book = book_of(*(lane(name) for name in "abcd"), lanes_known=2)
    for name in "cadb":
        book.came_up_short(lane(name))
        book.replace([lane(name)])
        book.plan(10)
        book.claimed(lane(name), START)
    assert [known.lane for known, _ in book.plan_scan(0)] == ["b", "d"]


def test_a_fast_lane_has_a_short_slack() -> None:
    book = book_of(lane("a"), most_within_slack=1_000)
    floors = []
    for n in range(6):
        book.plan(500)
        book.claimed(lane("a"), START + timedelta(seconds=0.2 * n), tasks=500)
        floors.append(book.plan(500)[0].floor)
    assert floors[:2] == [START - SLACK, START - SLACK + timedelta(seconds=0.2)]
    assert floors[2:] == [START + timedelta(seconds=0.2 * n) for n in range(4)]


def test_the_shortest_slack_is_long_enough_for_what_is_being_committed() -> None:
    book = book_of(lane("a"), most_within_slack=1_000)
    for _ in range(5):
        book.plan(500)
        book.claimed(lane("a"), START, tasks=500)
    assert book.plan(500)[0].floor == START - timedelta(seconds=0.25)


def test_a_busy_lane_is_asked_from_its_whole_slack_a_few_times_a_second_only() -> None:
    book = book_of(lane("a"), most_within_short_slack=1_000)
    for n in range(20):
        book.plan(500)
        book.claimed(lane("a"), START + timedelta(seconds=0.1 * n), tasks=300)
    newest = START + timedelta(seconds=1.9)
    assert book.plan(500)[0].floor == newest - timedelta(seconds=0.4)
    far = newest - SLACK
    assert book.plan_scan(7) == [(lane("a"), far)]
    assert book.plan(500)[0].floor == far  # for the scan may have come by something there
    book.claimed(lane("a"), newest, tasks=300)
    assert book.plan_scan(7.2) == [(lane("a"), newest - timedelta(seconds=0.3))]
    assert book.plan_scan(7.25) == [(lane("a"), far)]


def test_a_quiet_lane_is_always_asked_from_its_whole_slack() -> None:
    book = book_of(lane("a"), most_within_short_slack=1_000)
    for n in range(20):
        book.plan(500)
        book.claimed(lane("a"), START + timedelta(seconds=0.1 * n), tasks=50)
    assert book.plan(500)[0].floor == START + timedelta(seconds=1.9) - SLACK


def test_something_late_in_a_fast_lane_moves_the_floor_back() -> None:
    book = book_of(lane("a"), most_within_slack=1_000)
    for n in range(4):
        book.plan(500)
        book.claimed(lane("a"), START + timedelta(milliseconds=10 * n), tasks=500)
    book.claimed(lane("a"), START - timedelta(seconds=1), tasks=1)
    assert book.plan(500)[0].floor == START - timedelta(seconds=1) - SLACK


def test_a_lane_without_a_floor_is_asked_from_the_beginning() -> None:
    book = book_of(lane("a"))
    assert [book.plan(10)[0].floor for _ in range(2)] == [None, None]


def test_a_sweep_that_finds_late_tasks_moves_the_floor_back() -> None:
    book = book_of(lane("a"))
    book.claimed(lane("a"), START)
    book.claimed(lane("a"), START - timedelta(hours=1))
    book.plan(10)
    book.claimed(lane("a"), START - timedelta(hours=1))
    assert book.plan(10)[0].floor == START - timedelta(hours=1) - SLACK


def test_a_lane_that_came_up_short_is_back_when_a_scan_finds_it_with_its_floor() -> None:
    book = book_of(lane("a"), lane("b"))
    book.plan(10)
    book.claimed(lane("a"), START)
    book.came_up_short(lane("a"))
    assert names(book.plan(10)) == ["b"]
    book.replace([lane("a")])
    assert book.plan(10) == [LanePlan(lane("a"), START - SLACK, 10)]


def test_a_lane_that_a_scan_no_longer_finds_is_not_asked() -> None:
    book = book_of(lane("a"), lane("b"))
    book.replace([lane("b"), lane("b")])
    assert names(book.plan(10)) == ["b"]
    book.replace([])
    assert book.plan(10) == []


def test_a_lane_that_was_heard_of_is_due_until_it_was_asked_whatever_scans_say() -> None:
    book = book_of(lane("a"))
    book.heard({lane("x"): None})
    book.replace([lane("a")])
    assert names(book.plan(10)) == ["x", "a"]
    book.claimed(lane("x"), START)
    book.replace([lane("a")])
    assert names(book.plan(10)) == ["a"]


def test_of_lanes_that_were_never_served_those_heard_of_go_first() -> None:
    book = book_of(*(lane(str(number)) for number in range(500)))
    book.heard({lane("new"): None})
    assert names(book.plan(10))[0] == "new"


def test_hearing_of_a_lane_does_not_let_it_go_before_its_turn() -> None:
    book = book_of(lane("busy"), lane("patient"))
    book.plan(1)
    book.claimed(lane("busy"), START)
    book.heard({lane("busy"): None})
    assert names(book.plan(1)) == ["patient"]


def test_idle_is_a_book_in_which_nothing_is_due() -> None:
    book = book_of()
    assert book.idle()
    book.heard({lane("a"): None})
    assert not book.idle()
    book.plan(1)
    book.came_up_short(lane("a"))
    assert book.idle()


def test_hearsay_takes_no_more_memory_than_scans() -> None:
    book = book_of(*(lane(str(number)) for number in range(3)), lanes_kept=5)
    book.heard({lane(f"x{number}"): None for number in range(20)})
    assert len(book) == 5
    book.replace([lane("y")])
    assert len(book) <= 5


def test_memory_is_bounded_and_the_longest_unserved_is_forgotten_first() -> None:
    book = book_of(lane("a"), lane("b"), lane("c"), lanes_kept=3)
    book.plan(3)
    for name in "abc":
        book.claimed(lane(name), START)
    book.replace([lane("d")])
    assert len(book) == 3
    book.replace([lane("a"), lane("b"), lane("c")])
    floors = {plan.lane.lane: plan.floor for plan in book.plan(10)}
    assert floors == {"a": None, "b": START - SLACK, "c": START - SLACK}


def test_more_lanes_than_can_be_kept_are_cut() -> None:
    book = book_of(*(lane(str(number)) for number in range(20)), lanes_kept=5)
    assert len(book) == 5
    assert names(book.plan(100)) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "report", [lambda book: book.claimed(lane("x"), START), lambda book: book.came_up_short(lane("x"))]
)
def test_news_of_a_forgotten_lane_is_ignored(report: Callable[[LaneBook], None]) -> None:
    book = book_of(lane("a"))
    report(book)
    assert len(book) == 1


@given(
    backlog=st.dictionaries(
        st.builds(Lane, st.sampled_from(["q", "r"]), st.integers(0, 3), st.sampled_from("abcdefgh")),
        st.integers(1, 30),
        min_size=1,
        max_size=20,
    ),
    room=st.integers(1, 12),
    lanes_per_claim=st.integers(1, 6),
    most_of_q=st.integers(1, 12),
)
def test_everything_is_claimed_and_never_a_worse_priority_before_a_better(
    backlog: dict[Lane, int], room: int, lanes_per_claim: int, most_of_q: int
) -> None:
    book = book_of(*backlog, lanes_per_claim=lanes_per_claim)
    left = dict(backlog)
    while plans := book.plan(room, [allowance(most_of_q, "q")]):
        assert 0 < sum(plan.quota for plan in plans) <= room
        assert sum(plan.quota for plan in plans if plan.lane.queue == "q") <= most_of_q
        assert all(plan.quota > 0 for plan in plans)
        assert len(plans) <= lanes_per_claim
        best = min(waiting.priority for waiting, count in left.items() if count) if any(left.values()) else 3
        for plan in plans:
            assert plan.lane.priority <= best
            taken = min(plan.quota, left[plan.lane])
            left[plan.lane] -= taken
            if taken:
                book.claimed(plan.lane, START)
            if taken < plan.quota:
                book.came_up_short(plan.lane)
    assert not any(left.values())


@given(deep=st.integers(2, 12), room=st.integers(1, 12))
def test_among_deep_lanes_none_is_ahead_of_another_by_more_than_a_share(deep: int, room: int) -> None:
    lanes = [lane(str(number)) for number in range(deep)]
    book = book_of(*lanes)
    claimed: Counter[Lane] = Counter()
    for _ in range(20):
        for plan in book.plan(room):
            claimed[plan.lane] += plan.quota
            book.claimed(plan.lane, START)
    share = -(-room // deep)
    assert max(claimed[one] for one in lanes) - min(claimed[one] for one in lanes) <= share
