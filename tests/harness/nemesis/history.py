"""One history: a server, programs, clients and faults; then everything is mended, comes to rest, and is judged.

The evidence stays in the history's folder: what every process recorded, the logs of programs and server, the verdict,
and, where something was found, the rows.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from pathlib import Path

from tests.harness.history.check import check_run
from tests.harness.nemesis.ending import come_to_rest, keep_rows, keep_server_log, stop_everybody
from tests.harness.nemesis.plan import Plan
from tests.harness.nemesis.scene import Scene
from tests.harness.nemesis.stage import SERVER_SETTINGS, staged
from tests.harness.nemesis.steps import Steps
from tests.harness.nemesis.strikes import Strikes
from tests.harness.nemesis.verdict import Verdict
from tests.harness.server import PostgresServer, postgres_server
from tests.harness.server_template import ServerTemplate

CLIENTS_SECONDS = 180.0
LAST_STEPS_SECONDS = 60.0
COUNTED = "SELECT (SELECT count(*) FROM rowlock.tasks), (SELECT count(*) FROM rowlock.executions)"


def run_history(plan: Plan, folder: Path, template: ServerTemplate) -> Verdict:
    """Runs and judges it. Whatever goes wrong is in the verdict."""
    verdict = Verdict(plan.seed)
    began = time.monotonic()
    folder.mkdir(parents=True)
    with postgres_server(template, **SERVER_SETTINGS) as server:
        try:
            asyncio.run(_play(plan, folder, server, verdict))
            _judge(folder, server, verdict)
        except Exception:  # noqa: BLE001 - a history that breaks is a finding like others
            verdict.surprises.append(traceback.format_exc())
        if not verdict.clean:
            _keep(folder, server, verdict)
    verdict.seconds = time.monotonic() - began
    verdict.write(folder)
    return verdict


async def _play(plan: Plan, folder: Path, server: PostgresServer, verdict: Verdict) -> None:
    steps = Steps(plan.script.steps)
    strikes = Strikes(plan, steps)
    async with staged(plan, folder, server, steps, strikes) as scene:
        try:
            await strikes.run(scene)
            await _until_clients_are_done(scene)
            verdict.stuck = await come_to_rest(scene)
            await stop_everybody(scene)
        finally:
            verdict.faults = dict(strikes.struck)
            verdict.recovery = dict(scene.recovery.seconds)
            verdict.surprises = scene.cast.surprises


async def _until_clients_are_done(scene: Scene) -> None:
    [clients] = scene.cast.of("clients")
    if await clients.ended(within=CLIENTS_SECONDS) is None:
        clients.surprises.append(f"The clients are not done {CLIENTS_SECONDS:g} s after the last fault was mended.")


def _judge(folder: Path, server: PostgresServer, verdict: Verdict) -> None:
    [(verdict.tasks, verdict.attempts)] = server.query(COUNTED)
    found = check_run(folder / "history", server.admin_url, quiesced=not verdict.stuck)
    verdict.violations = [{"rule": one.rule, "text": str(one)} for one in found]


def _keep(folder: Path, server: PostgresServer, verdict: Verdict) -> None:
    try:
        keep_server_log(server.cluster, folder)
        if not server.runs:
            server.start()
        keep_rows(server.admin_url, folder / "rows")
    except Exception:  # noqa: BLE001 - what else is known must not be lost over it
        verdict.surprises.append(f"The rows could not be kept: {traceback.format_exc()}")
