"""States: what people see of a row, and the legal ways between the stored ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.states import TERMINAL, TRANSITIONS, Status, StoredStatus, public_status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("visible_at", "attempt", "seen"),
    [
        (NOW - SECOND, 0, Status.READY),
        (NOW, 0, Status.READY),
        (NOW, 3, Status.READY),
        (NOW + SECOND, 0, Status.SCHEDULED),
        (NOW + SECOND, 1, Status.RETRYING),
    ],
)
def test_pending_is_told_apart_by_the_clock(visible_at: datetime, attempt: int, seen: Status) -> None:
    assert public_status(StoredStatus.PENDING, visible_at=visible_at, attempt=attempt, now=NOW) is seen


@pytest.mark.parametrize("stored", [status for status in StoredStatus if status is not StoredStatus.PENDING])
@pytest.mark.parametrize("visible_at", [NOW - SECOND, NOW + SECOND])
def test_the_others_are_shown_as_stored(stored: StoredStatus, visible_at: datetime) -> None:
    assert public_status(stored, visible_at=visible_at, attempt=1, now=NOW).value == stored.value


def test_every_state_has_its_ways_out() -> None:
    assert set(TRANSITIONS) == set(StoredStatus)


def test_a_terminal_state_is_left_by_redrive_alone() -> None:
    for status in TERMINAL:
        assert TRANSITIONS[status] <= {StoredStatus.PENDING}
    assert not TRANSITIONS[StoredStatus.SUCCEEDED]


def test_every_state_but_blocked_can_be_reached_from_pending() -> None:
    reached = {StoredStatus.PENDING}
    while len(reached) < len(reached := reached.union(*(TRANSITIONS[status] for status in reached))):
        pass
    assert reached == set(StoredStatus) - {StoredStatus.BLOCKED}


def test_only_a_running_task_succeeds_or_dies() -> None:
    for end in (StoredStatus.SUCCEEDED, StoredStatus.DEAD):
        assert [status for status in StoredStatus if end in TRANSITIONS[status]] == [StoredStatus.RUNNING]
