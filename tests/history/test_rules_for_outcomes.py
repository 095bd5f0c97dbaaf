"""The rules about outcomes and what is left of them: each on a run that is right, and on one that was spoilt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.harness.history.rules.accounted import accounted
from tests.harness.history.rules.agrees import agrees
from tests.harness.history.rules.attempts import attempts
from tests.harness.history.rules.one_outcome import one_outcome
from tests.harness.history.rules.one_row import one_row
from tests.harness.history.rules.steps import steps
from tests.harness.history.rules.truthful import truthful
from tests.harness.history.simulator import REPLY_LOST, Simulator
from tests.history.judging import answer, ask, leased, sentences


@pytest.fixture
def system() -> Simulator:
    return Simulator()


def test_one_row(system: Simulator) -> None:
    system.enqueue(2)
    assert sentences(one_row, system.case()) == []
    twice = (*system.tasks.values(), system.tasks["task-2"])
    assert sentences(one_row, system.case(tasks=twice)) == ["Task task-2 is stored 2 times."]


def test_one_outcome(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "complete")
    system.say(held, "complete")
    assert sentences(one_outcome, system.case()) == []
    answer(system, 3, accepted=[1])
    assert sentences(one_outcome, system.case()) == ["2 words about lease 1 of task task-1 were accepted."]


def test_an_attempt_that_ends_twice(system: Simulator) -> None:
    system.say(leased(system), "retry")
    [row] = system.executions
    assert sentences(one_outcome, system.case(executions=(row, row))) == ["Lease 1 of task task-1 ended 2 times."]


def test_a_task_that_succeeds_twice(system: Simulator) -> None:
    system.say(leased(system), "retry")
    system.say(system.claim()[0], "complete")
    both = [replace(row, outcome="succeeded") for row in system.executions]
    assert sentences(one_outcome, system.case(executions=both)) == ["Task task-1 succeeded 2 times."]


@pytest.mark.parametrize("way", ["complete", "retry", "snooze", "bury", "acknowledge_cancel"])
def test_an_accepted_word_has_its_execution(system: Simulator, way: str) -> None:
    system.say(leased(system), way)
    assert sentences(accounted, system.case()) == []
    assert sentences(accounted, system.case(executions=())) == [
        f"{way} of lease 1 of task task-1 was accepted, and nothing is on record."
    ]
    [row] = system.executions
    assert sentences(accounted, system.case(executions=(replace(row, outcome="lease_expired"),))) == [
        f"{way} of lease 1 of task task-1 was accepted, and lease_expired is on record."
    ]


def test_an_execution_has_its_word(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "complete", heard=REPLY_LOST)
    assert sentences(accounted, system.case()) == []
    system.calls.pop()
    assert sentences(accounted, system.case()) == [
        "Lease 1 of task task-1 ended as succeeded, which its holder did not say."
    ]


def test_truthful(system: Simulator) -> None:
    system.enqueue(4)
    returns, returns_a_value, fails, unbegun = system.claim()
    system.run(returns)
    system.run(returns_a_value, result=True)
    system.run(fails, ok=False)
    system.run(unbegun, ok=False)
    system.say(returns, "complete")
    system.say(returns_a_value, "complete_with_results", result="1")
    system.say(fails, "retry")
    system.say(unbegun, "release")
    assert sentences(truthful, system.case()) == []


def test_truthful_is_asked_only_of_who_records_its_handlers(system: Simulator) -> None:
    system.say(leased(system), "complete")
    assert sentences(truthful, system.case()) == []


@pytest.mark.parametrize(
    ("way", "returned", "sentence"),
    [
        ("release", True, "was given back as never begun, and its handler had returned."),
        ("defer", True, "was given back as never begun, and its handler had returned."),
        ("complete", False, "was completed, and its handler had not returned."),
    ],
)
def test_a_word_that_is_not_true(system: Simulator, way: str, returned: bool, sentence: str) -> None:
    held = leased(system)
    system.run(held, ok=returned)
    system.say(held, way)
    assert sentences(truthful, system.case()) == [f"Lease 1 of task task-1 {sentence}"]


def test_a_result_that_is_dropped(system: Simulator) -> None:
    held = leased(system)
    system.run(held, result=True)
    system.say(held, "complete")
    assert sentences(truthful, system.case()) == [
        "complete of lease 1 of task task-1 does not fit what its handler returned."
    ]


def test_agrees(system: Simulator) -> None:
    """Every state that a task may be left in."""
    system.enqueue(5)
    succeeds, dies, cancels, waits, runs = system.claim()
    system.say(succeeds, "complete_with_results", result='{"n": 1}')
    system.say(dies, "bury")
    system.say(cancels, "acknowledge_cancel")
    system.say(waits, "retry")
    system.renew(runs)
    [cancelled] = system.enqueue()
    system.cancel(cancelled)
    system.claim(heard=REPLY_LOST)
    assert sentences(agrees, system.case()) == []


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"result": {"n": 2}}, "The result of task task-1 is not what lease 1 returned."),
        ({"status": "dead"}, "Task task-1 is dead, and its lease 1 ended as succeeded."),
        ({"status": "running"}, "Task task-1 is running, and its lease 1 ended as succeeded."),
        ({"attempt": 2}, "Task task-1 counts 2 attempts, and its lease 1 was number 1."),
        ({"token": 7}, "Task task-1 is succeeded under lease 7, which nobody held."),
        ({"token": None}, "Task task-1 is succeeded without a lease."),
        ({"token": None, "status": "cancelled"}, "Task task-1 is cancelled, and nobody cancelled it."),
    ],
)
def test_a_row_that_does_not_agree(system: Simulator, columns: dict[str, object], sentence: str) -> None:
    system.say(leased(system), "complete_with_results", result='{"n": 1}')
    row = replace(system.tasks["task-1"], **columns)  # type: ignore[arg-type]
    assert sentences(agrees, system.case(tasks=(row,))) == [sentence]


def test_a_deadline_that_passes_ends_a_task_without_a_lease(system: Simulator) -> None:
    [task] = system.enqueue()
    row = replace(system.tasks[task], status="dead", reason="expired")
    assert sentences(agrees, system.case(tasks=(row,))) == []
    assert sentences(agrees, system.case(tasks=(replace(row, reason="lease_expired"),))) == [
        "Task task-1 is dead without a lease."
    ]


def test_a_result_of_nobody(system: Simulator) -> None:
    system.say(leased(system), "complete", heard=REPLY_LOST)
    assert sentences(agrees, system.case()) == []
    row = replace(system.tasks["task-1"], result=1)
    assert sentences(agrees, system.case(tasks=(row,))) == ["The result of task task-1 is not what lease 1 returned."]
    system.calls.pop()
    assert sentences(agrees, system.case(tasks=(row,))) == [], "whose word is missing is found by another rule"


def test_a_row_that_an_older_lease_has_left(system: Simulator) -> None:
    system.say(leased(system), "retry")
    system.claim()
    row = replace(system.tasks["task-1"], status="dead", token=1, attempt=1)
    assert sentences(agrees, system.case(tasks=(row,))) == [
        "Task task-1 is dead under lease 1, which is not its newest."
    ]


def test_a_row_that_waits_while_its_lease_goes_on(system: Simulator) -> None:
    leased(system)
    row = replace(system.tasks["task-1"], status="pending", token=None, attempt=0)
    assert sentences(agrees, system.case(tasks=(row,))) == ["Task task-1 is pending, and its lease 1 never ended."]


def test_a_row_that_runs_under_a_lease_of_nobody(system: Simulator) -> None:
    system.enqueue()
    system.claim(heard=REPLY_LOST)
    assert sentences(agrees, system.case()) == []
    system.calls.pop()
    assert sentences(agrees, system.case()) == ["Task task-1 is running under lease 1, which nobody held."]


def test_attempts(system: Simulator) -> None:
    """Each way of spending an attempt or not, and a redrive that gives all back."""
    [task] = system.enqueue(max_attempts=2)
    for way in ("snooze", "release", "defer", "retry", "bury"):
        system.say(system.claim()[0], way)
    system.redrive(task)
    system.claim(lease_seconds=0)
    system.say(system.claim()[0], "snooze")
    assert sentences(attempts, system.case()) == []
    assert sentences(attempts, system.case(audit=())) == ["Lease 6 of task task-1 is attempt 1, after 2 spent ones."]
    row = replace(system.tasks[task], attempt=2)
    assert sentences(attempts, system.case(tasks=(row,))) == ["Task task-1 counts 2 attempts, and 1 are spent."]


def test_a_task_that_waits_after_a_redrive_has_spent_nothing(system: Simulator) -> None:
    held = leased(system)
    system.say(held, "bury")
    system.redrive(held.task)
    assert sentences(attempts, system.case()) == []


def test_a_last_attempt_that_lost_its_lease_may_be_given_back(system: Simulator) -> None:
    held = leased(system, max_attempts=2)
    system.say(held, "retry")
    system.claim(lease_seconds=0)
    system.rescue()
    [failed, expired] = system.executions
    waits = replace(system.tasks[held.task], status="pending", token=None)
    for spent in (1, 2):
        assert sentences(attempts, system.case(tasks=(replace(waits, attempt=spent),))) == []
    assert sentences(attempts, system.case(tasks=(replace(waits, attempt=0),))) == [
        "Task task-1 counts 0 attempts, and 2 are spent."
    ]
    alone = replace(expired, token=9, outcome="failed")
    assert sentences(attempts, system.case(executions=(failed, expired, alone))) == []
    first = replace(expired, token=9, attempt=1)
    assert sentences(attempts, system.case(executions=(failed, expired, first))) == [
        "Lease 9 of task task-1 is attempt 1, after 2 spent ones."
    ]


def test_an_attempt_too_many(system: Simulator) -> None:
    system.say(leased(system), "retry")
    system.claim()
    row = replace(system.tasks["task-1"], max_attempts=1)
    sentence = "Lease 2 of task task-1 is attempt 2 of 1."
    assert sentences(attempts, system.case(tasks=(row,))) == [sentence]
    for call in (system.calls[1], system.calls[3]):
        call.answer["leases"][0]["max_attempts"] = 1
    assert sentences(attempts, system.case(tasks=())) == [sentence]
    system.calls.clear()
    assert sentences(attempts, system.case(tasks=())) == [], "nobody knows how many it may have"


def test_steps(system: Simulator) -> None:
    held = leased(system)
    system.keep(held, "step")
    system.keep(held, "step", name="ship")
    system.say(held, "complete")
    assert sentences(steps, system.case()) == []
    assert sentences(steps, system.case(steps=())) == [
        "Step charge of task task-1 was kept, and is lost.",
        "Step ship of task task-1 was kept, and is lost.",
    ]
    charge, ship = system.steps
    assert sentences(steps, system.case(steps=(charge, charge, ship))) == [
        "Step charge of task task-1 was kept 2 times."
    ]


def test_a_step_that_was_kept_runs_no_more(system: Simulator) -> None:
    held = leased(system)
    system.keep(held, "step")
    system.say(held, "retry")
    [again] = system.claim()
    system.keep(again, "step")
    system.keep(again, "step", name="ship")
    assert sentences(steps, system.case()) == []
    ask(system, -1, name="charge")
    assert sentences(steps, system.case()) == ["Step charge of task task-1 ran again under lease 2: 1 had kept it."]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"token": 9}, "was kept under lease 9, which nobody held."),
        ({"task": "task-9"}, "was kept under lease 1, which nobody held."),
        ({"attempt": 2}, "is of attempt 2, and its lease of 1."),
        ({"recorded_at": 1 << 60}, "was kept after its lease 1 was over."),
    ],
)
def test_a_step_of_another_lease(system: Simulator, columns: dict[str, object], sentence: str) -> None:
    held = leased(system)
    system.keep(held, "step")
    system.calls.pop()
    system.say(held, "retry")
    system.claim()
    [step] = [replace(step, **columns) for step in system.steps]  # type: ignore[arg-type]
    assert sentences(steps, system.case(steps=(step,))) == [f"Step charge of task {step.task} {sentence}"]
