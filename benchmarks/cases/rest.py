"""REST: one task a request, over 32 connections; the API, PostgreSQL and the client share the machine.

Sound when every request was answered 201 and every task is stored.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import LIVE, number
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import Program, answer_of, running, until
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.subject.rest_client import WARM_EACH
from benchmarks.systems import System

CONNECTIONS = 32
CLI = (sys.executable, "-m", "rowlock.cli")


def rest(tasks: int, processes: int) -> Callable[[Stage], Measured]:
    """So many requests, each for one task, answered by so many processes."""

    def run(stage: Stage) -> Measured:
        environment = stage.system.environment_for(stage.url)
        made = Program((*CLI, "keys", "create", "--name", "bench", "--json"), environment, stage.folder, "key").wait(60)
        port, *own_ports = free_ports(1 + processes)
        client = (sys.executable, "-m", "benchmarks.subject.rest_client", str(port), str(tasks), str(CONNECTIONS))
        with stage.meter() as meter:
            idle = meter.settled()
            api = (*CLI, "api", "--port", str(port), "--processes", str(processes))
            served = {**environment, "ROWLOCK_LOG_LEVEL": "warning", "ROWLOCK_METRICS_PORT": str(own_ports[0])}
            with running(api, served, stage.folder, name="api") as programs:
                ports = own_ports if processes > 1 else [port]
                until(lambda: all(map(answers, ports)), programs, within=60, every=0.05)
                meter.watch(programs)
                first = meter.read()
                said = answer_of(client, {**environment, "BENCH_API_KEY": _key(made)}, stage.folder, "client")
                stored = tasks + WARM_EACH * CONNECTIONS
                costs = between(first, meter.read(), stored)
            figures = from_costs(costs, **counts(idle, meter.settled(), stored))
        found = number(stage.url, LIVE)
        if said["answers"] != tasks or found != stored:
            raise Unsound(
                f"Of {stored} tasks {found:.0f} are stored, and {said['answers']:.0f} requests were answered."
            )
        latencies = {name: said[name] for name in ("p50_ms", "p95_ms", "p99_ms")}
        return Measured({**figures, **latencies, "rate": tasks / said["seconds"]})

    return run


def _key(output: str) -> str:
    return str(json.loads(output[output.index("{") :])["key"])


def free_ports(count: int) -> list[int]:
    """So many that follow each other, and that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        ports = [first + n for n in range(count)]
        if ports[-1] < 65_536 and not any(map(answers, ports)):
            return ports


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tasks = sized(scale, quick=500, full=30_000)
    return [Variant(_named(processes), systems[0], rest(tasks, processes)) for processes in (1, 2)]


def _named(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


CASE = Case(
    name="rest",
    title="Enqueueing over REST",
    says=(
        f"`POST /v1/tasks`, one task a request, {CONNECTIONS} connections that stay open, to `rowlock api "
        "--processes N`. The client, which spends little, shares the cores with it and with PostgreSQL."
    ),
    columns=("rate", "p50_ms", "p95_ms", "p99_ms", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits", "blocks"),
    variants=variants,
)
