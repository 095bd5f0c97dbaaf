"""After a restore: what the page on operations says pauses everything, and resumes that and nothing else."""

from __future__ import annotations

from datetime import timedelta

from tests.docs.pages import REPOSITORY, Page
from tests.harness.installation import Installation
from tests.harness.schedules import NOON, fired, make_schedule, new_epoch, set_clock

from rowlock.engine.fire import fire_due
from rowlock.store import operations, schedules
from rowlock.store.operations import Actor

HOUR = timedelta(hours=1)
ADA = Actor("ada")


async def run_block(here: Installation, naming: str) -> None:
    path = REPOSITORY / "docs/operations.md"
    [text] = [block.text for block in Page(path, path.read_text()).blocks if naming in block.text]
    link = await here.database.own_link("psql")
    await link.connection.execute(text.encode())
    await link.close()


async def paused_queues(here: Installation) -> set[tuple[str, str]]:
    rows = await here.query("SELECT tenant_id, name FROM rowlock.queues WHERE paused_at IS NOT NULL")
    return {(tenant_id, name) for tenant_id, name in rows}


async def test_what_was_paused_for_the_restore_is_resumed_and_what_somebody_paused_stays(here: Installation) -> None:
    twice, once = await here.enqueue(queue="mail"), await here.enqueue(queue="videos")
    await here.query(
        "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor)"
        " VALUES ('h', 'idle', 2, 4, 'async')"
    )
    await make_schedule(here, queue="reports")
    await operations.pause_queue(here.database, "default", "videos", ADA)
    await operations.pause_queue(here.database, "*", "idle", ADA)
    await run_block(here, "rowlock.pause_queue")
    assert {name for tenant_id, name in await paused_queues(here) if tenant_id == "*"} == {
        "mail", "videos", "idle", "reports",
    }  # fmt: skip

    await operations.cancel_task(here.database, "default", twice, None, ADA)  # which leaves its queue empty
    await run_block(here, "rowlock.resume_queue")
    assert await paused_queues(here) == {("default", "videos"), ("*", "idle")}
    assert (await here.task(once)).status == "ready"


async def test_windows_since_the_backup_do_not_fire_again(here: Installation) -> None:
    await set_clock(here, NOON)
    hourly, held = await make_schedule(here, "hourly", cron="0 * * * *"), await make_schedule(here, "held")
    await schedules.pause_schedule(here.database, "default", "held", ADA)
    await set_clock(here, NOON + 3.5 * HOUR)
    await run_block(here, "rowlock.pause_schedule")
    epoch = await new_epoch(here)
    await fire_due(here.database, epoch)
    await run_block(here, "rowlock.resume_schedule")
    await fire_due(here.database, epoch)
    assert await fired(here) == []
    await set_clock(here, NOON + 4 * HOUR)
    await fire_due(here.database, epoch)
    assert await fired(here) == [NOON + 4 * HOUR]
    assert await here.query("SELECT id, paused_by FROM rowlock.schedules ORDER BY name DESC") == [
        (hourly.id, None), (held.id, "ada"),
    ]  # fmt: skip
