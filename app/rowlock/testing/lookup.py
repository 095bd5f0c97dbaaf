"""What was enqueued: the question that most tests end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic_core import to_jsonable_python

from rowlock.client import Rowlock
from rowlock.handlers.task import Task
from rowlock.store import tasks
from rowlock.store.database import Database
from rowlock.store.tasks import TaskRecord
from rowlock.testing.inline_block import Inline
from rowlock.testing.inline_tasks import fits

LIMIT = 10_000

Named = str | Task[..., Any]


async def enqueued(app: Rowlock, name: Named | None = None, /, **arguments: Any) -> list[TaskRecord]:
    """The application's tasks, of one handler, with these arguments among others, oldest first, at most 10,000.

    Inside `inline(app)` those of the block, elsewhere those of the database, live or finished:
    `assert await enqueued(app, send_mail, to="ada@example.org")`.
    """
    wanted = name.name if isinstance(name, Task) else name
    backend = app.backend
    if isinstance(backend, Inline):
        return [task.record for task in backend.tasks if fits(task, wanted, arguments)]
    async with Database(app.settings, name="rowlock enqueued") as database:
        rows = await database.read(
            "find_enqueued",
            {"tenant_id": app.tenant, "name": wanted, "arguments": _json(arguments), "limit": LIMIT},
        )
        return [await tasks.get_task(database, app.tenant, task_id) for (task_id,) in rows]


def _json(arguments: Mapping[str, Any]) -> str:
    return orjson.dumps(to_jsonable_python(arguments)).decode()
