"""When lanes are looked at before their floors: for news, for what was lost lately, and wholly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.lanes import Lane, LaneBook, LanePlan, SweepPlan
from rowlock.domain.sweeps import News, Sweep

START = datetime(2026, 1, 1, tzinfo=UTC)
SLACK = timedelta(seconds=2)
LANE = Lane("default", 2, "a")
EARLY = START - timedelta(minutes=1)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def served(**settings: float) -> LaneBook:
    """A book of one lane, from which something has been claimed that was visible at START."""
    book = LaneBook(**settings)  # type: ignore[arg-type]  # every setting used here is a number
    book.replace([LANE])
    book.plan(1)
    book.claimed(LANE, START)
    return book


def swept_wholly(book: LaneBook, now: float = 0, *, seconds: float = 0, news_come: bool = False) -> None:
    book.swept([SweepPlan(LANE, None, START, Sweep.WHOLE)], {}, now, seconds=seconds, news_come=news_come)


def test_of_what_is_told_to_lie_before_the_floor_a_sweep_looks_at_once() -> None:
    book = served()
    swept_wholly(book)
    assert book.plan_sweep(0) == []
    assert book.heard({LANE: EARLY})
    plans = book.plan_sweep(0)
    assert plans == [SweepPlan(LANE, EARLY, START - SLACK, Sweep.NEWS, 1)]
    book.swept(plans, {LANE: EARLY}, 1, seconds=0)
    assert book.plan_sweep(2) == []
    assert book.plan(1) == [LanePlan(LANE, EARLY, 1)]


@pytest.mark.parametrize("since", [START - SLACK, START, START + SLACK, None])
def test_what_is_told_to_lie_behind_the_floor_is_for_the_next_claim(since: datetime | None) -> None:
    book = served()
    swept_wholly(book)
    assert not book.heard({LANE: since})
    book.plan(1)
    book.claimed(LANE, START + 3 * SLACK)
    assert book.plan_sweep(1) == []


def test_what_is_told_of_a_lane_that_nobody_has_claimed_from_is_for_the_first_claim() -> None:
    book = LaneBook()
    assert not book.heard({LANE: EARLY})
    book.plan(1)
    book.claimed(LANE, START)
    assert [plan.sweep for plan in book.plan_sweep(0)] == [Sweep.WHOLE]


def test_what_is_told_while_a_sweep_looks_is_swept_for_again() -> None:
    book = served()
    swept_wholly(book)
    book.heard({LANE: EARLY})
    plans = book.plan_sweep(0)
    book.heard({LANE: EARLY})
    book.swept(plans, {}, 0, seconds=0)
    assert book.plan_sweep(1) == [SweepPlan(LANE, EARLY, START - SLACK, Sweep.NEWS, 2)]


def test_a_whole_sweep_finds_what_was_told() -> None:
    book = served(sweep_seconds=5)
    swept = []
    for now in (0, 10, 40):
        book.heard({LANE: EARLY} if now < 40 else {})
        plans = book.plan_sweep(now)
        book.swept(plans, {}, now, seconds=1 if now == 0 else 0)  # so that the next one for news is due at 30
        swept += [plan.sweep for plan in plans]
    assert swept == [Sweep.NEWS, Sweep.WHOLE, Sweep.WHOLE]


def test_slow_sweeps_for_news_leave_time_for_claims() -> None:
    book = served()
    swept_wholly(book, seconds=100)
    swept = []
    for now in range(100):
        book.heard({LANE: EARLY})
        if plans := [plan for plan in book.plan_sweep(now) if plan.sweep is Sweep.NEWS]:
            book.swept(plans, {}, now, seconds=1)
            swept.append(now)
    assert swept == [0, 30, 60, 90]


@pytest.mark.parametrize(("news_come", "pause"), [(False, 30 * 2), (True, 100 * 2)])
def test_whole_sweeps_are_rarer_while_news_come(news_come: bool, pause: int) -> None:
    book = served()
    swept_wholly(book, seconds=2, news_come=news_come)
    assert [bool(book.plan_sweep(now)) for now in (pause - 1, pause)] == [False, True]


@pytest.mark.parametrize("times", [1, 3])
def test_after_news_may_have_been_missed_the_next_whole_sweep_is_due_as_if_none_came(times: int) -> None:
    book = served()
    swept_wholly(book, seconds=2, news_come=True)
    for _ in range(times):
        book.missed_news()
    assert [[plan.sweep for plan in book.plan_sweep(now)] for now in (59, 60)] == [[], [Sweep.WHOLE]]


def test_while_whole_sweeps_are_rare_short_ones_look_where_the_floor_was_a_lease_ago() -> None:
    """Here a whole one takes 10 s, and so comes every 300 s."""
    book = served(sweep_seconds=5, lease_seconds=30)
    looked: dict[int, tuple[float, float] | None] = {}
    for now in range(0, 330):
        book.plan(1)
        book.claimed(LANE, at(now))
        if plans := book.plan_sweep(now):
            [(_, begins, ends, sweep, _)] = plans
            looked[now] = begins and ((begins + SLACK - START).total_seconds(), (ends + SLACK - START).total_seconds())
            assert (sweep is Sweep.WHOLE) == (begins is None)
            book.swept(plans, {}, now, seconds=10 if begins is None else 0.01)
    assert looked.pop(0) is looked.pop(300) is None
    assert [*looked] == [*range(29, 300, 5), *range(305, 330, 5)]
    spans = [looked[now] for now in sorted(looked) if now < 300]
    assert spans[0] == (1, 3)
    for (_, ended), (begins, ends), now in zip(spans, spans[1:], sorted(looked)[1:], strict=False):
        assert ended - 10 <= begins < ended, "what one has looked at the next looks at once more"
        assert now - 30 + 2.5 <= ends <= now - 30 + 5


@given(
    every=st.integers(2, 20),
    claims=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10)), min_size=100, max_size=200),
    took=st.floats(0.001, 0.2),
)
def test_short_sweeps_pass_all_that_was_claimed_once_its_lease_has_ended(
    every: int, claims: list[tuple[int, int]], took: float
) -> None:
    lease = 30
    book = served(sweep_seconds=every, lease_seconds=lease)
    book.swept([SweepPlan(LANE, None, START, Sweep.WHOLE)], {}, 0, seconds=1_000)
    book.plan_sweep(0)
    newest, held = 0, {}
    for now, (step, idle) in enumerate(claims, start=1):
        newest += step
        if not idle:
            continue
        book.plan(1)
        book.claimed(LANE, at(newest))
        held[at(newest)] = now
        plans = book.plan_sweep(now)
        for _, begins, ends, _, _ in plans:
            for visible_at, claimed in [*held.items()]:
                if begins is not None and begins <= visible_at < ends and claimed + lease <= now:
                    del held[visible_at]
        book.swept(plans, {}, now, seconds=took)
    floor = book.plan(1)[0].floor
    late = 3 * every + 30 * took
    assert floor is not None
    assert not {seen for seen, claimed in held.items() if seen < floor and claimed + lease + late + 15 <= len(claims)}


steps = st.lists(st.one_of(st.integers(0, 5).map(at), st.sampled_from(["looks", "has looked"])))


@given(steps)
def test_what_was_told_is_kept_until_a_sweep_that_began_later_has_looked(steps: list[datetime | str]) -> None:
    news, began, looks_for, unseen = News(), None, list[datetime](), list[datetime]()
    for step in steps:
        if isinstance(step, datetime):
            news.told(step)
            unseen.append(step)
        elif step == "looks":
            began, looks_for = news.count, [*unseen]
        elif began is not None:
            news.seen(began)
            unseen, began = unseen[len(looks_for) :], None
        assert not unseen or (news.since is not None and news.since <= min(unseen))
    assert unseen or news.since is None
