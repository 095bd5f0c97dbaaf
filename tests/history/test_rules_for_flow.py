"""The rules about caps, windows and epochs: each on a run that is right, and on one that was spoilt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.harness.history.rows import LimitRow, WindowRow
from tests.harness.history.rules.caps import caps
from tests.harness.history.rules.epochs import epochs
from tests.harness.history.rules.windows import windows
from tests.harness.history.simulator import FAILED, REPLY_LOST, TENANT, Simulator
from tests.harness.history.violations import shown
from tests.history.judging import answer, ask, sentences

EXCEEDED = ["Lane default of queue default ran 2 tasks at once, and its cap is 1."]


@pytest.fixture
def system() -> Simulator:
    return Simulator()


def crowd(system: Simulator, cap: int = 2) -> None:
    """Two workers that run two tasks of a lane with a cap."""
    system.cap(TENANT, cap)
    system.enqueue(3)
    system.claim(1, room=1)
    system.claim(2, room=1)


def test_caps(system: Simulator) -> None:
    crowd(system)
    system.claim()
    assert sentences(caps, system.case()) == []
    ask(system, 0, max_running=1)
    assert sentences(caps, system.case()) == EXCEEDED


def test_a_cap_that_was_always_there(system: Simulator) -> None:
    crowd(system)
    system.calls.pop(0)
    assert sentences(caps, system.case()) == []
    assert sentences(caps, system.case(limits=())) == []
    assert sentences(caps, system.case(limits=(LimitRow("default", TENANT, 1),))) == EXCEEDED


def test_what_is_surely_over_does_not_count(system: Simulator) -> None:
    crowd(system)
    ask(system, 0, max_running=1)
    held = system.calls[2].answer["leases"][0]
    for over in (
        {"lease_seconds": 0},  # it ran out
        {"lease_seconds": 30, "capped": False},  # its worker had not heard of the cap
    ):
        ask(system, 2, **over)
        assert sentences(caps, system.case()) == []
    ask(system, 2, capped=True)
    assert sentences(caps, system.case()) == EXCEEDED
    answer(system, 3, by=None)
    assert sentences(caps, system.case()) == [], "nobody knows when it was granted"
    assert held["token"] == 1


def test_what_ends_before_its_answer_does_not_count(system: Simulator) -> None:
    system.cap(TENANT, 0)
    system.enqueue()
    system.caps.clear()
    [held] = system.claim()
    ask(system, 2, capped=True)
    assert sentences(caps, system.case()) == ["Lane default of queue default ran 1 tasks at once, and its cap is 0."]
    system.say(held, "complete")
    answer(system, 2, by=system.now + 1)
    assert sentences(caps, system.case()) == []


def test_what_was_given_back_does_not_count(system: Simulator) -> None:
    system.cap(TENANT, 1)
    system.enqueue(2)
    [held] = system.claim(1, room=1)
    system.say(held, "release")
    system.claim(2, room=1)
    assert sentences(caps, system.case()) == []
    ask(system, 3, since=None)
    assert sentences(caps, system.case()) == []
    system.calls.pop(3)
    assert sentences(caps, system.case()) == EXCEEDED


def test_a_renewal_prolongs_a_lease_if_it_comes_in_time(system: Simulator) -> None:
    system.cap(TENANT, 1)
    system.enqueue(2)
    [held] = system.claim(1, room=1, lease_seconds=2)
    system.renew(held, lease_seconds=30)
    system.pass_time(10)
    system.caps.clear()
    system.claim(2, room=1)
    ask(system, 4, capped=True)
    assert sentences(caps, system.case()) == EXCEEDED
    ask(system, 3, since=None)
    assert sentences(caps, system.case()) == []
    ask(system, 3, since=1)
    answer(system, 3, by=system.now)
    assert sentences(caps, system.case()) == []


def test_a_cap_that_changes(system: Simulator) -> None:
    crowd(system)
    system.cap(TENANT, 1)
    system.cap(TENANT, 9, heard=FAILED)
    assert sentences(caps, system.case()) == []
    system.cap(TENANT, None, heard=REPLY_LOST)
    system.claim(3, room=5)
    assert sentences(caps, system.case()) == []


def test_a_lane_without_a_cap_in_the_meantime(system: Simulator) -> None:
    crowd(system)
    ask(system, 0, max_running=None)
    assert sentences(caps, system.case()) == [], "lifted"
    ask(system, 0, max_running=1, since=system.now)
    assert sentences(caps, system.case()) == [], "set later"


def fired(system: Simulator) -> WindowRow:
    """One window that fired, and one that was skipped; the former."""
    system.schedule()
    epoch = system.elect()
    system.fire(epoch)
    system.fire(epoch, fires=False)
    return system.windows[0]


def test_windows(system: Simulator) -> None:
    window = fired(system)
    skipped = system.windows[1]
    at = window.window_at
    assert sentences(windows, system.case()) == []
    task = system.tasks["task-1"]
    twin = replace(task, id="twin")
    assert sentences(windows, system.case(tasks=(task, twin))) == [f"Window {shown(at)} made 2 tasks."]
    assert sentences(windows, system.case(tasks=())) == [f"Window {shown(at)} fired, and its task is not there."]
    early = replace(window, recorded_at=at - 1)
    assert sentences(windows, system.case(windows=(early, skipped))) == [f"Window {shown(at)} fired before it was due."]
    silent = replace(skipped, reason=None)
    assert sentences(windows, system.case(windows=(window, silent))) == [
        f"Window {shown(silent.window_at)} was skipped without a reason."
    ]


def test_a_window_that_nobody_wrote_down(system: Simulator) -> None:
    window = fired(system)
    skipped = system.windows[1]
    at = window.window_at
    assert sentences(windows, system.case(windows=(skipped,))) == [
        "Task task-1 was made by a window that does not know it.",
        f"Window {shown(at)} of report was passed by, and nothing says why.",
        f"Window {shown(at)} was fired, and is not on record so.",
    ]
    run = replace(skipped, passed_after=at - 1)
    assert sentences(windows, system.case(windows=(run,), tasks=()))[:-1] == [], "it lies in a run that was skipped"
    assert sentences(windows, system.case(windows=(), tasks=(), schedules=()))[:-1] == [], "its schedule is deleted"


def test_a_catch_up_that_leaves_out_what_it_may_not(system: Simulator) -> None:
    fired(system)
    missed = replace(system.windows[1], reason="missed")
    sentence = f"Window {shown(missed.window_at)} of report was not caught up with."
    [rule] = system.schedules.values()
    assert sentences(windows, system.case(windows=(system.windows[0], missed))) == [sentence]
    changed = replace(rule, changed_at=system.now)
    assert sentences(windows, system.case(windows=(system.windows[0], missed), schedules=(changed,))) == []
    lenient = replace(rule, missed_run_policy="skip")
    assert sentences(windows, system.case(windows=(system.windows[0], missed), schedules=(lenient,))) == []


def test_epochs(system: Simulator) -> None:
    system.schedule()
    first = system.elect()
    system.fire(first)
    second = system.elect()
    system.fire(first)
    system.fire(second)
    assert sentences(epochs, system.case()) == []
    answer(system, 2, epoch=first)
    assert sentences(epochs, system.case()) == ["Epoch 1 was opened 2 times."]
    answer(system, 2, epoch=second)
    one, other = system.windows
    assert sentences(epochs, system.case(windows=(replace(one, epoch=3), other))) == [
        "A leader of epoch 2 fired after one of epoch 3 had."
    ]
    assert sentences(epochs, system.case(windows=(one, replace(other, epoch=0)))) == []
