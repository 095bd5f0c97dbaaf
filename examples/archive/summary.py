"""`archive.summary`: waits until every file of a tree has ended, and writes down what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

import orjson

from rowlock import Context, Snooze
from rowlock.domain.errors import NotFound

from .app import app
from .folders import Folders, folders
from .manifest import manifest_line, replacing

FILES = "archive.file"
ENDED = ("succeeded", "dead", "cancelled")


class Totals(TypedDict):
    """Result of a summary. Sizes are bytes; `failed` counts files, which `summary.json` names with reasons."""

    manifest: str
    files: int
    bytes: int
    compressed_bytes: int
    failed: int


@app.task(name="archive.summary", tags=["archive"])
async def archive_summary(context: Context, tree: UUID, root: str, out: str, passed_over: dict[str, Any]) -> Totals:
    """Writes `manifest.sha256` and `summary.json` when all files of a tree have ended; snoozes until then.

    Snoozing gives the worker's slot back and spends no attempt.
    """
    standing = await app.children(tree, FILES)
    ended, total = sum(standing.get(status, 0) for status in ENDED), sum(standing.values())
    await context.progress(ended, total, "files archived")
    if ended < total:
        raise Snooze(_pause(total - ended), f"{total - ended} files are under way.")

    places = await asyncio.to_thread(folders, root, out)
    totals, failed = await _write_manifest(places, tree)
    await asyncio.to_thread(
        _write_summary,
        places,
        {"root": root, "tree": tree, **totals, "failed_files": failed, "passed_over": passed_over},
    )
    await _sweep(places.partials)
    return totals


def _pause(files_under_way: int) -> timedelta:
    """A second for every thousand files, but no more than a quarter of a minute."""
    return timedelta(seconds=min(15, max(0.5, files_under_way / 1_000)))


async def _write_manifest(places: Folders, tree: UUID) -> tuple[Totals, list[dict[str, Any]]]:
    totals = Totals(manifest=str(places.manifest), files=0, bytes=0, compressed_bytes=0, failed=0)
    failed = []
    with replacing(places.manifest) as manifest:
        async for child in app.child_results(tree, FILES):
            if child.status == "succeeded":
                manifest.write(manifest_line(child.result["sha256"], child.result["path"]))
                totals["files"] += 1
                totals["bytes"] += child.result["size"]
                totals["compressed_bytes"] += child.result["compressed"]
            else:
                totals["failed"] += 1
                failed.append({"path": child.payload["path"], "status": child.status, "reason": child.error})
    return totals, failed


def _write_summary(places: Folders, document: dict[str, Any]) -> None:
    with replacing(places.summary) as target:
        target.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


async def _sweep(partials: Path) -> None:
    """Removes what killed attempts left; what belongs to a task that has not ended stays."""
    found = await asyncio.to_thread(lambda: list(partials.iterdir()))
    left_over = [partial for partial in found if await _has_ended(partial.name.partition(".")[0])]
    await asyncio.to_thread(_remove, partials, left_over)


async def _has_ended(task_id: str) -> bool:
    try:
        return (await app.get(UUID(task_id))).finished
    except NotFound:
        return True


def _remove(partials: Path, left_over: list[Path]) -> None:
    for partial in left_over:
        partial.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: somebody archives another tree into this folder
        partials.rmdir()
