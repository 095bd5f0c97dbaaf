"""The whole storm at default settings: 1,000 schedules, 30 faults in five minutes. Ends with 1 if a window is amiss."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.harness.storm.plan import plan_storm
from tests.harness.storm.run import run_storm

from rowlock.config import Settings
from rowlock.engine.elect import silence_seconds
from rowlock.store.embedded import EmbeddedServer
from rowlock.store.migrate import migrate
from rowlock.telemetry.logs import configure_logging

LONGEST_FAILOVER_SECONDS = 10


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> int:
    configure_logging(format="console", level="error", process="storm")
    arguments = argparse.ArgumentParser(prog="python -m tests.harness.storm", description="Count every window.")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--schedules", type=int, default=1_000)
    arguments.add_argument("--faults", type=int, default=30)
    arguments.add_argument("--seconds", type=float, default=300, help="within which the faults come")
    arguments.add_argument("--speed", type=int, default=60, help="of the database's clock")
    chosen = arguments.parse_args()
    silence = silence_seconds(Settings.model_fields["election_seconds"].default)
    plan = plan_storm(
        chosen.seed,
        schedules=chosen.schedules,
        faults=chosen.faults,
        seconds=chosen.seconds,
        silence_seconds=silence,
    )
    say(
        f"{chosen.schedules:,} schedules, 3 schedulers at default settings, {chosen.faults} faults within"
        f" {chosen.seconds:g} s at {chosen.speed} times the clock's speed; seed {chosen.seed}"
    )
    with tempfile.TemporaryDirectory(prefix="rowlock-storm-") as folder:
        server = EmbeddedServer(Path(folder), settings={"max_connections": "200"})
        server.start()
        try:
            migrate(server.url())
            report = asyncio.run(run_storm(server.url(), plan, speed=chosen.speed, settings={}, say=say))
        finally:
            server.stop("immediate")
    for line in report.lines():
        say(line)
    slowest = max(failover.fired_seconds for failover in report.failovers)
    return 0 if report.audit.clean and slowest < LONGEST_FAILOVER_SECONDS else 1
