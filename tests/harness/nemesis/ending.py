"""The end of a history: it comes to rest, everybody is told to stop, and what is still there is asked why."""

from __future__ import annotations

import asyncio
import csv
import shutil
from pathlib import Path

import psycopg
from tests.harness.installation import settings_for
from tests.harness.nemesis.scene import Scene
from tests.harness.nemesis.stage import end_schedules

from rowlock.store.database import Database

REST_SECONDS = 60.0
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.1
EXPLAINED = """
SELECT task.id, task.name, task.status::text, task.visible_at,
       string_agg(reason.code || ': ' || reason.explanation, ' ')
  FROM (SELECT * FROM rowlock.tasks_live LIMIT 20) AS task
 CROSS JOIN LATERAL rowlock.explain_task(task.id, task.tenant_id) AS reason
 GROUP BY 1, 2, 3, 4
"""
KEPT_TABLES = ("tasks", "executions", "schedule_windows", "idempotency_keys", "workers", "leaders", "audit_log")


async def come_to_rest(scene: Scene) -> list[str]:
    """Waits until no task is left, now that nothing more is asked for; a sentence for each that stays."""
    async with Database(settings_for(scene.server.url)) as database:
        await end_schedules(database)
    deadline = asyncio.get_running_loop().time() + REST_SECONDS
    while (await scene.ask("SELECT EXISTS (SELECT FROM rowlock.tasks_live)"))[0][0]:
        if asyncio.get_running_loop().time() > deadline:
            return [" ".join(map(str, row)) for row in await scene.ask(EXPLAINED)]
        await asyncio.sleep(LOOK_SECONDS)
    return []


async def stop_everybody(scene: Scene) -> None:
    """SIGTERM for all of them at once; who does not end in order has surprised us."""
    codes = await asyncio.gather(*(actor.stop(within=STOP_SECONDS) for actor in scene.cast.actors))
    for actor, code in zip(scene.cast.actors, codes, strict=True):
        if not actor.is_in_order(code):
            actor.surprises.append(f"{actor.name} was told to stop at the end and ended with exit code {code}")
    [[left]] = await scene.ask("SELECT count(*) FROM rowlock.tasks_live WHERE status = 'running'")
    scene.recovery.note("leases left after SIGTERM", left)


def keep_rows(url: str, folder: Path) -> None:
    """Writes the tables to files, for whoever looks into it."""
    folder.mkdir(exist_ok=True)
    with psycopg.connect(url, connect_timeout=10) as connection:
        for table in KEPT_TABLES:
            cursor = connection.execute(f"SELECT * FROM rowlock.{table}".encode())
            with (folder / f"{table}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([column.name for column in cursor.description or ()])
                writer.writerows(cursor)


def keep_server_log(cluster: Path, folder: Path) -> None:
    for log in (cluster / "log").glob("*.log"):
        shutil.copy(log, folder / f"server-{log.name}")
