"""A history read back from its files, and what a violation shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.harness.history.calls import history_of
from tests.harness.history.case import Case
from tests.harness.history.check import check
from tests.harness.history.events import Event, Phase, Recorder, read_events
from tests.harness.history.rows import Rows
from tests.harness.history.simulator import FAILED, Simulator
from tests.harness.history.violations import violation


def test_questions_are_paired_with_their_answers(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "worker")
    first = recorder.invoke("claim", worker=1)
    recorder.invoke("claim", worker=2)
    recorder.invoke("renew").fail("no")
    first.ok(leases=[])
    calls = history_of(read_events(tmp_path).events).calls
    assert [(call.operation, call.phase, len(call.evidence)) for call in calls] == [
        ("claim", Phase.OK, 2),
        ("claim", Phase.UNKNOWN, 1),
        ("renew", Phase.FAIL, 2),
    ]


@pytest.mark.parametrize("times_asked", [0, 1])
def test_an_answer_to_nothing_is_no_history(times_asked: int) -> None:
    asked = [Event("worker", 1, Phase.INVOKE, "claim", {}), Event("worker", 1, Phase.OK, "claim", {})]
    with pytest.raises(ValueError, match="answers nothing that was asked"):
        history_of([*asked[: 2 * times_asked], Event("worker", 1, Phase.OK, "claim", {})])


def test_a_violation_shows_its_lines_and_rows_once() -> None:
    system = Simulator()
    system.enqueue()
    [call] = system.calls
    [row] = system.tasks.values()
    shown = str(violation("lost", "It is lost.", call, call, row, None))
    assert shown.splitlines() == ["lost: It is lost.", f"    {call.evidence[0]}", f"    {row!r}"]


def test_a_run_in_which_nothing_happened_is_clean() -> None:
    assert check(Case(history_of([]), Rows(), quiesced=True)) == []


def test_what_a_worker_hears_of_a_word_that_failed() -> None:
    system = Simulator()
    system.enqueue()
    system.say(system.claim()[0], "complete", heard=FAILED)
    [word] = system.case().history.words
    assert (word.heard, word.may_count) == ("nothing_done", False)
