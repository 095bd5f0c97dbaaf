"""A task's children: the tasks that its handler enqueued, and how they ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

from rowlock.store import tasks
from rowlock.store.links import Runner
from rowlock.store.tasks import ChildResult

PAGE = 1_000  # rows read at once, so that a million children need no more memory than a thousand


async def child_results(
    runner: Runner, tenant_id: str, parent_id: UUID, name: str
) -> AsyncGenerator[ChildResult, None]:
    """The finished children of one name, in order of their ids; those that finish meanwhile may or may not be among."""
    past = UUID(int=0)
    while True:
        page = await tasks.get_child_results(runner, tenant_id, parent_id, name, past=past, limit=PAGE)
        for child in page:
            yield child
        if len(page) < PAGE:
            return
        past = page[-1].id
