"""How a part says that the database is in trouble, since when, why, and that it is over."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.trouble import Trouble
from rowlock.telemetry.condition import Ailment, Condition
from rowlock.telemetry.troubles import TroubleCollector

FULL = DatabaseUnavailable("The disk is full.", trouble=Trouble.DISK_FULL)
GONE = DatabaseUnavailable("It is gone.", trouble=Trouble.UNREACHABLE)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def condition(clock: Clock) -> Condition:
    return Condition("worker", monotonic=clock)


def test_all_is_well_at_first(condition: Condition) -> None:
    assert condition.ailments == condition.reasons == ()
    assert condition.seconds_in_trouble == 0
    condition.well("claim")
    assert condition.ailments == ()


def test_a_duty_is_in_trouble_until_that_duty_succeeds(condition: Condition, clock: Clock) -> None:
    condition.troubled("finish", FULL)
    clock.now += 3
    condition.well("claim")
    assert condition.ailments == (Ailment("The disk is full.", "disk-full", 3),)
    condition.well("finish")
    assert condition.ailments == ()
    assert condition.seconds_in_trouble == 3


def test_trouble_lasts_from_the_first_error_and_tells_the_last_reason(condition: Condition, clock: Clock) -> None:
    condition.troubled("claim", GONE)
    clock.now += 5
    condition.troubled("claim", FULL)
    assert condition.ailments == (Ailment("The disk is full.", "disk-full", 5),)


def test_the_oldest_trouble_comes_first_and_each_reason_once(condition: Condition, clock: Clock) -> None:
    condition.troubled("claim", GONE)
    clock.now += 1
    condition.troubled("heartbeat", FULL)
    condition.troubled("finish", FULL)
    assert [ailment.seconds for ailment in condition.ailments] == [1, 0, 0]
    assert condition.reasons == ("It is gone.", "The disk is full.")


def test_time_in_trouble_counts_overlapping_troubles_once(condition: Condition, clock: Clock) -> None:
    for error in (GONE, FULL):
        condition.troubled("claim", error)
        clock.now += 1
        condition.troubled("finish", error)
        clock.now += 1
        condition.well("claim", "finish")
        clock.now += 10
    assert condition.seconds_in_trouble == 4


def test_trouble_that_nobody_meets_any_more_fades(clock: Clock) -> None:
    condition = Condition("api", fades_seconds=30, monotonic=clock)
    condition.troubled("write", FULL)
    clock.now += 2
    condition.troubled("write", FULL)
    clock.now += 29
    assert condition.ailments
    assert condition.seconds_in_trouble == 31
    clock.now += 1
    assert condition.ailments == ()
    assert condition.seconds_in_trouble == 2
    condition.troubled("write", GONE)
    assert condition.ailments == (Ailment("It is gone.", "unreachable", 0),)
    assert condition.seconds_in_trouble == 2


def test_what_is_watched_is_exported(condition: Condition, clock: Clock) -> None:
    registry = CollectorRegistry()
    collector = TroubleCollector(registry)

    def figure(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"rowlock_database_{name}", labels)

    with collector.watching(condition):
        assert figure("trouble_seconds_total", part="worker") == 0
        condition.troubled("claim", OutcomeUnknown("Unknown."))
        condition.troubled("finish", FULL)
        clock.now += 7
        assert figure("trouble", part="worker", kind="outcome-unknown") == 1
        assert figure("trouble", part="worker", kind="disk-full") == 1
        assert figure("trouble_seconds_total", part="worker") == 7
        condition.well("claim", "finish")
        assert figure("trouble", part="worker", kind="disk-full") is None
        with collector.watching(Condition("worker")):
            assert figure("trouble_seconds_total", part="worker") == 0
    assert figure("trouble_seconds_total", part="worker") is None
