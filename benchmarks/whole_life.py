"""What the server spends on a task from enqueueing to its end: of several cases together, and beside their floors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.results import Recorded


def whole_life(own: Mapping[str, Sequence[Recorded]]) -> Iterator[str]:
    """PostgreSQL's CPU for a task from enqueueing to its end, beside the same statements without rowlock."""
    ours = [_server_cpu(own, "enqueue", "bulk"), _server_cpu(own, "drain", "no-op, 1 worker")]
    floor = [
        _server_cpu(own, "floor", "bulk enqueue, thin loop"),
        _server_cpu(own, "floor", "drain, pgbench, 1 client"),
    ]
    if None in ours or None in floor:
        return
    spent, least = sum(filter(None, ours)), sum(filter(None, floor))
    yield "### A task's whole life in PostgreSQL"
    yield (
        f"CPU of the server from a bulk enqueue to the recorded end: {spent:.1f} µs a task with rowlock, {least:.1f} "
        f"µs with its statements alone, the former being {spent / least:.2f} times the latter."
    )


def _server_cpu(own: Mapping[str, Sequence[Recorded]], case: str, variant: str) -> float | None:
    """None where it was not measured: no sound run, or a server elsewhere."""
    found = [each.result.median for each in own.get(case, []) if each.result.variant == variant]
    return found[0].get("server_cpu_us") if found else None
