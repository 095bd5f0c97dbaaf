"""Whether an application's code has declared schedules: a question for those that need not know what a schedule is."""

from __future__ import annotations

from rowlock.store.links import Runner


async def has_declared_schedules(runner: Runner, tenant_id: str, application: str) -> bool:
    """Whether the application has active schedules that its code declared."""
    rows = await runner.run("has_declared_schedules", {"tenant_id": tenant_id, "application": application})
    return bool(rows[0][0])
