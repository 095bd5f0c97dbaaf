"""Bringing the database to where the servers need it: migrated, and with an API key to begin with."""

from __future__ import annotations

import asyncio

from rowlock.cli.output import printable
from rowlock.cli.startup.progress import Progress
from rowlock.config import Settings

FIRST_KEY_NAME = "first"


async def bring_schema_to_head(url: str, settings: Settings, progress: Progress) -> None:
    """Migrates. Raises what a database without rights or answer makes of it."""
    from rowlock.store.revisions import current_revision, head_revision, is_ahead

    head = await asyncio.to_thread(head_revision)
    found = await asyncio.to_thread(current_revision, url, settings.schema_)
    if is_ahead(found, head):
        progress.line("Schema", f"{settings.schema_} is ahead, at migration {found}")
        return
    if found == head:
        progress.line("Schema", f"{settings.schema_} is at migration {head}")
        return
    from rowlock.store.migrate import migrate  # brings alembic, which is slow to load

    notes: list[str] = []
    work = asyncio.to_thread(migrate, url, settings.schema_, note=notes.append)
    await progress.step("Schema", "migrating", work, f"{settings.schema_} migrated to {head}")
    for note in notes:
        progress.line("Note", printable(note))


async def first_key(url: str, settings: Settings) -> str | None:
    """A new key with every right where there is no key yet, else None."""
    from rowlock.engine.access import SCOPES, create_key, list_keys
    from rowlock.store.database import Database

    async with Database(settings, url=url, name="rowlock up") as database:
        if await list_keys(database, None, limit=1):
            return None
        return (await create_key(database, settings.tenant, FIRST_KEY_NAME, SCOPES, "cli:up")).key
