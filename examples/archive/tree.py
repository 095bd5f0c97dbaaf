"""`archive.tree`: finds the files of a tree and enqueues a task for each."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, TypedDict
from uuid import UUID

from rowlock import Context

from .app import app
from .file import archive_file
from .folders import folders
from .summary import archive_summary
from .walk import Walk

BATCH = 500
KEYS_LAST = timedelta(days=31)  # longer than dead letters stay, so a redrive of this task doubles nothing either


class Walked(TypedDict):
    """Result of a walk: the files that were enqueued, and the task that will sum them up."""

    files: int
    passed_over: dict[str, Any]
    summary: UUID


@app.task(name="archive.tree", tags=["archive"])
async def archive_tree(context: Context, root: str, out: str) -> Walked:
    """Enqueues one `archive.file` for each regular file below a folder, then their `archive.summary`.

    May run twice: the tasks carry keys made from this task's id, so an attempt after a crash enqueues only what is new.
    """
    places = await asyncio.to_thread(folders, root, out)
    walk = Walk(places.root, places.out)
    paths, files = walk.files(), 0
    while batch := await asyncio.to_thread(lambda: list(islice(paths, BATCH))):
        await archive_file.options(
            idempotency_key=lambda arguments: _key(context, arguments), idempotency_ttl=KEYS_LAST
        ).enqueue_many({"root": root, "out": out, "path": path} for path in batch)
        files += len(batch)
        await context.progress(files, message="files found")
    summary = await archive_summary.options(
        idempotency_key=f"{context.task_id}/summary", idempotency_ttl=KEYS_LAST
    ).enqueue(context.task_id, root, out, walk.passed_over)
    context.log.info("The tree is walked.", files=files, passed_over=walk.passed_over["counts"])
    return Walked(files=files, passed_over=walk.passed_over, summary=summary.id)


def _key(context: Context, arguments: Mapping[str, Any]) -> str:
    """The path's digest, since a path may be longer than a key."""
    return f"{context.task_id}/{hashlib.sha256(arguments['path'].encode()).hexdigest()}"
