"""Pages of tasks, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from rowlock.cli.documents import document
from rowlock.cli.output import age, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rowlock.store.listing import ListedTask


def task_documents(page: Sequence[ListedTask]) -> list[dict[str, object]]:
    """What was too large for a list is named by `omitted`; `tasks show` has it."""
    return [document(listed.task, **({"omitted": listed.omitted} if listed.omitted else {})) for listed in page]


def next_before(page: Sequence[ListedTask], limit: int) -> UUID | None:
    """Where the next page begins; None where this one is the last."""
    return page[-1].task.id if len(page) == limit else None


def task_table(page: Sequence[ListedTask], limit: int) -> RenderableType:
    """For people: ids in full, so that they can be pasted."""
    from datetime import UTC, datetime

    from rich.console import Group

    if not page:
        return "No tasks."
    now = datetime.now(UTC)
    rows = [
        (listed.task.id, listed.task.status, listed.task.name, listed.task.queue, age(listed.task.created_at, now))
        for listed in page
    ]
    made = table(("TASK", "STATUS", "NAME", "QUEUE", "AGE"), rows, numbers=("AGE",))
    more = next_before(page, limit)
    return Group(made, "", f"More: --before {more}") if more else made
