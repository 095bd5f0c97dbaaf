"""Carrying what must stay out of a day that is to be dropped, in batches, however much it is.

Steps whose task may still run go to today. Finished tasks and attempts whose retention is not over lie there because
there was no later day when they ended, and go where they belong: tasks to their own day, attempts to today.
"""

from __future__ import annotations

from rowlock.store import maintenance
from rowlock.store.links import Link
from rowlock.store.maintenance import FIRST_STEP, ExpiredPartition, StepKey

ROWS_PER_BATCH = 1_000
PAGES_PER_BATCH = 128  # one megabyte: some thousand tasks


async def carry_steps(link: Link, partition: ExpiredPartition, step_days: int) -> int:
    """Carries what is still needed out of a day of steps; how many it was."""
    carried = 0
    past: StepKey | None = FIRST_STEP
    while past is not None:
        past, batch = await maintenance.carry_steps(
            link, partition.day, past, step_days=step_days, limit=ROWS_PER_BATCH
        )
        carried += batch
    return carried


async def carry_early(link: Link, partition: ExpiredPartition) -> int:
    """Carries what was filed too early out of a day of tasks or attempts; how many it was.

    Raises `DatabaseUnavailable` while somebody has written into the day and not committed yet, or holds such a task.
    """
    await maintenance.await_writers(link, partition)
    carried, page, more = 0, 0, True
    while more:
        batch, more = await maintenance.carry_early(link, partition, page=page, pages=PAGES_PER_BATCH)
        page += PAGES_PER_BATCH
        carried += batch
    return carried
