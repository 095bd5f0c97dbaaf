"""The format of a history: what was written is read back, and a kill costs one line at most."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.harness.history.events import Phase, Recorder, read_events

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, "worker")


def phases(folder: Path) -> list[tuple[int, str, str]]:
    return [(event.call, event.operation, event.phase.value) for event in read_events(folder).events]


def test_what_was_written_is_read_back_with_its_place(tmp_path: Path, recorder: Recorder) -> None:
    first = recorder.invoke("claim", worker=1)
    second = recorder.invoke("renew", attempts=[])
    second.fail("refused")
    first.ok(leases=[{"task": "t"}])
    events = read_events(tmp_path).events
    assert phases(tmp_path) == [
        (1, "claim", "invoke"),
        (2, "renew", "invoke"),
        (2, "renew", "fail"),
        (1, "claim", "ok"),
    ]
    assert events[3].said == {"leases": [{"task": "t"}]}
    assert (events[3].process, events[3].place) == (recorder.process, f"{recorder.process}.jsonl:4")
    assert events[2].said == {"error": "refused"}


@pytest.mark.parametrize(
    ("error", "phase"),
    [
        (DatabaseUnavailable("The server is away."), Phase.FAIL),
        (OutcomeUnknown("The reply was lost."), Phase.UNKNOWN),
        (KeyboardInterrupt(), Phase.UNKNOWN),
        (ValueError("a defect"), Phase.UNKNOWN),
    ],
)
def test_only_a_refusal_promises_that_nothing_was_changed(
    tmp_path: Path, recorder: Recorder, error: BaseException, phase: Phase
) -> None:
    with pytest.raises(type(error)), recorder.calling("enqueue"):
        raise error
    assert read_events(tmp_path).events[-1].phase is phase


def test_an_answer_stands_whatever_is_raised_after_it(tmp_path: Path, recorder: Recorder) -> None:
    def answer_and_fail() -> None:
        with recorder.calling("enqueue") as call:
            call.ok(tasks=[])
            raise ValueError

    with pytest.raises(ValueError):
        answer_and_fail()
    assert phases(tmp_path)[-1] == (1, "enqueue", "ok")


def test_a_block_without_a_word_leaves_the_question_open(tmp_path: Path, recorder: Recorder) -> None:
    with recorder.calling("enqueue"):
        pass
    assert phases(tmp_path) == [(1, "enqueue", "invoke")]


def test_nobody_answers_twice(recorder: Recorder) -> None:
    call = recorder.invoke("claim")
    call.ok()
    with pytest.raises(AssertionError, match="claim was answered twice"):
        call.fail("no")


def test_a_line_that_was_cut_is_dropped_and_counted(tmp_path: Path, recorder: Recorder) -> None:
    recorder.invoke("claim").ok()
    recorder.close()
    file = tmp_path / f"{recorder.process}.jsonl"
    file.write_bytes(file.read_bytes()[:-5])
    Recorder(tmp_path, "client").invoke("enqueue")
    events = read_events(tmp_path)
    assert events.torn == (file.name,)
    assert sorted((event.operation, event.phase) for event in events.events) == [
        ("claim", Phase.INVOKE),
        ("enqueue", Phase.INVOKE),
    ]


def test_a_disk_that_takes_half_a_line_stops_the_process(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.write", lambda _, line: len(line) // 2)
    with pytest.raises(OSError, match="could not be written"):
        recorder.invoke("claim")
