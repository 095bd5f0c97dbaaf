"""What a task costs, by count: WAL, commits, statements and buffers, compared with what the repository expects."""

from __future__ import annotations

from benchmarks.expectations import differences, expected, measure, quiet_server

ANEW = "If that is meant, write the expectations anew: make bench-expectations"


async def test_a_task_costs_what_is_expected() -> None:
    with quiet_server() as server:
        found = await measure(server)
    assert differences(expected(), found) == [], ANEW


def test_a_count_beyond_the_tolerance_is_told() -> None:
    before = {"claim": {"commits": 0.002, "wal_bytes": 400.0}}
    assert differences(before, {"claim": {"commits": 0.002, "wal_bytes": 410.0}}) == []
    idle = {"find_lanes": {"wal_bytes": 0.0}}
    assert differences(idle, {"find_lanes": {"wal_bytes": 0.8}}) == []  # such as a record of which transactions run
    assert differences(idle, {"find_lanes": {"wal_bytes": 8.0}}) != []
    assert differences(before, {"claim": {"commits": 0.004, "wal_bytes": 500.0}}) == [
        "claim: 0.004 commits a task instead of 0.002",
        "claim: 500 wal_bytes a task instead of 400",
    ]
