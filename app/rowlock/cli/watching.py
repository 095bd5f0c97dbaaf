"""Watching a task: what is read, when to look again, and how it is shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rowlock.cli.output import console, print_json, printable
from rowlock.engine.inspect import count_children, get_task
from rowlock.store.tasks import TaskRecord

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rowlock.store.database import Database

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
GROWTH = 1.3
ENDED = ("succeeded", "dead", "cancelled")


@dataclass(frozen=True)
class Family:
    """A task and how its children stand, at one moment."""

    task: TaskRecord
    children: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.children.values())

    @property
    def ended(self) -> int:
        return sum(self.children.get(status, 0) for status in ENDED)

    @property
    def finished(self) -> bool:
        return self.task.finished and self.ended == self.total

    @property
    def failed(self) -> bool:
        """Whether it ended in a way that a script should notice."""
        return self.task.status != "succeeded" or bool(self.children.get("dead"))

    def document(self) -> dict[str, object]:
        task = self.task
        return {
            "id": task.id, "name": task.name, "status": task.status, "attempt": task.attempt, "progress": task.progress,
            "children": self.children, "reason": task.reason, "error": task.error, "finished": self.finished,
        }  # fmt: skip


async def watch_family(database: Database, tenant_id: str, task_id: UUID, show: Callable[[Family], None]) -> Family:
    """Shows every change until all is finished; the last that was seen. Pauses grow while nothing changes."""
    pause, seen = FIRST_PAUSE_SECONDS, None
    while True:
        # The children last: what they enqueue next to it after the task was read as finished would be missed.
        task = await get_task(database, tenant_id, task_id)
        family = Family(task, await count_children(database, tenant_id, task_id))
        if family.document() != seen:
            seen, pause = family.document(), FIRST_PAUSE_SECONDS
            show(family)
        if family.finished:
            return family
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE_SECONDS, pause * GROWTH)


async def wait_for_end(database: Database, tenant_id: str, task_id: UUID) -> TaskRecord:
    """The task when it has finished."""
    pause = FIRST_PAUSE_SECONDS
    while not (task := await get_task(database, tenant_id, task_id)).finished:
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE_SECONDS, pause * GROWTH)
    return task


@contextmanager
def json_watcher() -> Iterator[Callable[[Family], None]]:
    """A line for each change."""
    yield lambda family: print_json(family.document(), indent=False)


@contextmanager
def terminal_watcher() -> Iterator[Callable[[Family], None]]:
    """Progress bars on a terminal; elsewhere a line of text for each change of status."""
    if not sys.stdout.isatty():
        yield _Lines().show
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console(), auto_refresh=True, refresh_per_second=8) as progress:
        yield _Bars(progress).show


class _Bars:
    """One bar for the task's own progress, one for its children."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._own: TaskID | None = None
        self._children: TaskID | None = None

    def show(self, family: Family) -> None:
        task = family.task
        done, total, message = own_progress(task)
        if self._own is None:
            self._own = self._progress.add_task(printable(task.name), total=None, note="")
        if task.status == "succeeded":
            done = total = total or 1
        self._progress.update(
            self._own, completed=done, total=total, note=printable(f"{task.status} {message}".strip())
        )
        if family.total:
            if self._children is None:
                self._children = self._progress.add_task("children", total=None, note="")
            note = counts_text({status: n for status, n in family.children.items() if status != "succeeded"})
            self._progress.update(self._children, completed=family.ended, total=family.total, note=note)
        if family.finished:
            self._progress.stop()
            console().print(verdict(family))


class _Lines:
    def __init__(self) -> None:
        self._said = ""

    def show(self, family: Family) -> None:
        children = f", children: {counts_text(family.children)}" if family.total else ""
        said = verdict(family) if family.finished else f"{family.task.name} is {family.task.status}{children}"
        if said != self._said:
            self._said = said
            sys.stdout.write(f"{printable(said)}\n")
            sys.stdout.flush()


def own_progress(task: TaskRecord) -> tuple[float, float | None, str]:
    """Done, total and message of what the handler reports; nothing where it reports nothing."""
    reported: Any = task.progress  # whatever a handler of any version wrote
    if not isinstance(reported, dict):
        return 0, None, ""
    done, total = reported.get("done"), reported.get("total")
    message = reported.get("message")
    return (
        done if isinstance(done, int | float) else 0,
        total if isinstance(total, int | float) and total > 0 else None,
        message if isinstance(message, str) else "",
    )


def counts_text(children: dict[str, int]) -> str:
    """`12 ready, 3 running`."""
    return ", ".join(f"{count} {status}" for status, count in sorted(children.items()) if count)


def verdict(family: Family) -> str:
    """How it ended, in one sentence."""
    task = family.task
    why = f": {task.error or task.reason}" if task.status != "succeeded" and (task.error or task.reason) else ""
    children = f" Children: {counts_text(family.children)}." if family.total else ""
    return f"{task.name} has ended as {task.status}{why}.{children}".replace("..", ".")
