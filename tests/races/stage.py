"""Sets a scene the engine's way once, then again and again by putting the same rows back, at a tenth of the cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.harness.scripts import run_script
from tests.races.scenes import SCENES, Scene

from rowlock.store.links import Link

TABLES = (
    "audit_log",
    "executions",
    "idempotency_keys",
    "leaders",
    "limits",
    "queues",
    "schedule_windows",
    "schedules",
    "steps",
    "tasks",
    "workers",
)
CLEAR = "".join(f"DELETE FROM rowlock.{table};" for table in TABLES)
SWEEP = f"TRUNCATE {', '.join(f'rowlock.{table}' for table in TABLES)}; DROP SCHEMA IF EXISTS saved CASCADE"
SAVE = "".join(f"CREATE TABLE saved.{table} AS TABLE rowlock.{table};" for table in TABLES)
RESTORE = "".join(f"INSERT INTO rowlock.{t} OVERRIDING SYSTEM VALUE SELECT * FROM saved.{t};" for t in TABLES)


@dataclass
class Stage:
    """Where the scenes of one test are set; one kind at a time."""

    link: Link
    now: datetime
    kind: str = ""
    scene: Scene = field(init=False)

    async def set(self, kind: str) -> Scene:
        """The scene as it is before anybody has acted."""
        if kind == self.kind:
            await self.link.query("SELECT saved.restore()")
        else:
            await run_script(self.link, SWEEP)
            self.kind, self.scene = kind, Scene(self.now)
            await SCENES[kind].set_up(self.link, self.scene)
            await run_script(self.link, f"CREATE SCHEMA saved; {SAVE} {_restoring()}")
        return self.scene


def _restoring() -> str:
    return f"CREATE FUNCTION saved.restore() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {CLEAR} {RESTORE} END $$"
