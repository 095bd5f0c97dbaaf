"""The rules about leases: each on a run that is right, and on one that was spoilt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.harness.history.calls import Call, History
from tests.harness.history.case import Case
from tests.harness.history.events import Phase
from tests.harness.history.rows import WorkerRow
from tests.harness.history.rules.claimed import claimed
from tests.harness.history.rules.explained import explained
from tests.harness.history.rules.kept import kept
from tests.harness.history.rules.newest_lease import newest_lease
from tests.harness.history.rules.overlap import overlap
from tests.harness.history.rules.tokens import tokens
from tests.harness.history.simulator import REPLY_LOST, REQUEST_LOST, SECOND, Held, Simulator
from tests.history.judging import answer, ask, leased, sentences


@pytest.fixture
def system() -> Simulator:
    return Simulator()


def taken_over(system: Simulator) -> tuple[Held, Held]:
    """A lease that ran out, and the one that follows it."""
    stale = leased(system, lease_seconds=0)
    [held] = system.claim(2)
    return stale, held


def test_tokens(system: Simulator) -> None:
    system.enqueue(2)
    first, second = system.claim()
    system.say(first, "retry")
    system.say(second, "complete")
    system.claim()
    assert sentences(tokens, system.case()) == []
    older = [replace(row, started_at=row.started_at + 60 * SECOND) for row in system.executions]
    assert sentences(tokens, system.case(executions=older[1:])) == []
    again = system.calls[4].answer["leases"][0]
    started_at = again["started_at"]
    again["started_at"] -= 60 * SECOND
    assert sentences(tokens, system.case()) == ["Lease 3 of task task-1 is older than lease 1."]
    again |= {"task": "task-3", "token": 1, "started_at": started_at}
    assert sentences(tokens, system.case()) == ["Lease token 1 was given 2 times.", "Lease token 1 is that of 2 tasks."]


def test_overlapping_leases(system: Simulator) -> None:
    stale, held = taken_over(system)
    system.say(stale, "complete")
    system.say(held, "complete")
    assert sentences(overlap, system.case()) == []
    [expired, succeeded] = system.executions
    late = replace(expired, finished_at=expired.finished_at + SECOND)
    assert sentences(overlap, system.case(executions=(late, succeeded))) == [
        "Lease 2 of task task-1 began before lease 1 was over."
    ]


def test_a_lease_given_while_another_lasts(system: Simulator) -> None:
    held = leased(system, lease_seconds=30)
    system.say(held, "release", heard=REPLY_LOST)
    system.claim(2)
    assert sentences(overlap, system.case()) == []
    del system.calls[2]
    assert sentences(overlap, system.case()) == ["Lease 2 of task task-1 began before lease 1 was over."]


def test_a_lease_taken_away_early(system: Simulator) -> None:
    held = leased(system, lease_seconds=1)
    system.renew(held, lease_seconds=5)
    system.renew(held, lease_seconds=30, heard=REQUEST_LOST)
    system.pass_time(10)
    system.claim(2)
    assert sentences(overlap, system.case()) == []
    ask(system, 2, lease_seconds=15)
    [sentence] = sentences(overlap, system.case())
    assert sentence.startswith("Lease 1 of task task-1 was taken away 4.9")
    system.vanish(1)
    assert len(sentences(overlap, system.case())) == 1, "its worker was gone, but later"
    system.gone[:] = [WorkerRow(1, system.executions[0].finished_at)]
    assert sentences(overlap, system.case()) == [], "its worker was gone"


def test_a_worker_that_was_marked_as_gone_may_have_come_back(system: Simulator) -> None:
    leased(system, lease_seconds=30)
    system.vanish(1)
    system.claim(2)
    system.gone.clear()  # its next heartbeat took the mark away
    assert len(sentences(overlap, system.case())) == 1
    since = system.executions[0].finished_at
    for phase, answered, broken in (
        (Phase.OK, {"workers": [1]}, 0),
        (Phase.OK, {"workers": [2]}, 1),
        (Phase.UNKNOWN, {}, 0),
        (Phase.FAIL, {}, 1),
    ):
        expire = Call("scheduler-1", "expire", {"since": since}, phase, answered)
        case = Case(History([*system.calls, expire]), system.case().rows)
        assert len(sentences(overlap, case)) == broken
        late = Case(History([*system.calls, replace(expire, asked={"since": since + 1})]), case.rows)
        assert len(sentences(overlap, late)) == 1


def test_a_renewal_that_nobody_timed_says_nothing(system: Simulator) -> None:
    held = leased(system, lease_seconds=30)
    system.renew(held)
    system.vanish(1)
    system.claim(2)
    system.gone.clear()
    assert len(sentences(overlap, system.case())) == 1
    ask(system, 2, since=None)
    assert sentences(overlap, system.case()) == []


def test_a_renewal_without_an_answer_may_have_shortened_a_lease(system: Simulator) -> None:
    held = leased(system, lease_seconds=30)
    system.renew(held, lease_seconds=1, heard=REPLY_LOST)
    system.pass_time(2)
    system.claim(2)
    assert sentences(overlap, system.case()) == []


def test_a_lease_that_nobody_heard_of_has_no_length(system: Simulator) -> None:
    system.enqueue()
    system.claim(lease_seconds=1, heard=REPLY_LOST)
    system.pass_time(2)
    system.claim(2)
    assert sentences(overlap, system.case()) == []


def test_newest_lease(system: Simulator) -> None:
    stale, held = taken_over(system)
    system.say(stale, "complete")
    system.say(held, "complete", heard=REPLY_LOST)
    system.say(held, "complete")
    assert sentences(newest_lease, system.case()) == []
    answer(system, 3, accepted=[2])
    assert sentences(newest_lease, system.case()) == ["A word was taken for the leases [2], of which it did not speak."]


def test_a_stale_lease_that_is_believed(system: Simulator) -> None:
    stale, _ = taken_over(system)
    system.say(stale, "complete")
    answer(system, 3, accepted=[1])
    late = replace(system.executions[0], outcome="succeeded", finished_at=system.now)
    assert sentences(newest_lease, system.case(executions=(late,))) == [
        "A word about lease 1 of task task-1 was accepted under lease 2."
    ]


def test_a_newest_lease_that_is_refused(system: Simulator) -> None:
    system.say(leased(system), "complete")
    answer(system, 2, accepted=[])
    assert sentences(newest_lease, system.case()) == [
        "The holder of lease 1 of task task-1 was refused, though it had not lost it."
    ]


def test_kept(system: Simulator) -> None:
    stale, held = taken_over(system)
    system.keep(stale)
    system.keep(held)
    system.renew(stale)
    system.renew(held, heard=REPLY_LOST)
    system.renew(held)
    assert sentences(kept, system.case()) == []
    answer(system, 5, renewed=[2])
    assert sentences(kept, system.case()) == ["A renewal answered for the leases [2], of which it did not ask."]


@pytest.mark.parametrize("what", ["progress", "step"])
def test_what_is_kept_after_the_end(system: Simulator, what: str) -> None:
    stale, _ = taken_over(system)
    system.keep(stale, what)
    assert sentences(kept, system.case()) == []
    system.calls[3] = replace(system.calls[3], phase=Phase.OK)
    assert sentences(kept, system.case()) == [f"A {what} under lease 1 of task task-1 came after its end."]
    ask(system, 3, since=None)
    assert sentences(kept, system.case()) == []


def test_a_renewal_of_an_ended_lease(system: Simulator) -> None:
    stale, _ = taken_over(system)
    system.renew(stale)
    assert sentences(kept, system.case()) == []
    answer(system, 3, renewed=[1], lost=[])
    assert sentences(kept, system.case()) == ["A renew under lease 1 of task task-1 came after its end."]


def test_who_is_told_a_lease_is_lost_that_it_holds(system: Simulator) -> None:
    held = leased(system)
    system.renew(held)
    answer(system, 2, renewed=[], lost=[1])
    assert sentences(kept, system.case()) == [
        "The holder of lease 1 of task task-1 was told that it is lost, and it was not."
    ]
    system.say(held, "release")
    assert sentences(kept, system.case()) == [], "it may have been given back by then"


def test_claimed(system: Simulator) -> None:
    system.enqueue()
    system.claim(1, lease_seconds=0, heard=REPLY_LOST)
    [held] = system.claim(2)
    system.run(held)
    system.say(held, "complete")
    assert sentences(claimed, system.case()) == []
    system.calls[1] = replace(system.calls[1], phase=Phase.FAIL)
    assert sentences(claimed, system.case()) == ["Task task-1 was executed under lease 1, which nobody claimed."]


def test_handlers_that_run_without_a_lease_of_their_own(system: Simulator) -> None:
    held = leased(system)
    system.run(held)
    assert sentences(claimed, system.case()) == []
    system.run(replace(held, worker=2))
    assert sentences(claimed, system.case()) == [
        "worker-2 ran task task-1 under lease 1, which it did not hold.",
        "Task task-1 was run 2 times under lease 1.",
    ]


@pytest.mark.parametrize(
    ("way", "outcome"), [("retry", "failed"), ("snooze", "snoozed"), ("release", None), ("defer", None)]
)
def test_what_explains_another_execution(system: Simulator, way: str, outcome: str | None) -> None:
    system.say(leased(system), way, outcome=outcome)
    system.claim()
    assert sentences(explained, system.case()) == []
    del system.calls[2]
    expected = ["Task task-1 was claimed again under lease 2, and nothing says why."]
    assert sentences(explained, system.case(executions=())) == expected


def test_a_success_explains_no_other_execution(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "retry")
    system.claim()
    [row] = system.executions
    assert sentences(explained, system.case(executions=(replace(row, outcome="succeeded"),))) == [
        "Task task-1 was claimed again under lease 2, and nothing says why.",
        "Task task-1 has ended and was taken up again without a redrive.",
    ]


def test_only_a_redrive_takes_an_ended_task_up_again(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "bury", outcome="failed")
    assert sentences(explained, system.case()) == []
    system.redrive(held.task)
    system.say(system.claim()[0], "acknowledge_cancel")
    assert sentences(explained, system.case()) == []
    assert sentences(explained, system.case(audit=())) == [
        "Task task-1 has ended and was taken up again without a redrive."
    ]
