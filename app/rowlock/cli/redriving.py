"""Putting several tasks back to work, each by itself, and telling of each what became of it.

What is refused of one task leaves the others be. What no task has brought about (the database has gone away) ends the
round, and the rest are not tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.output import printable
from rowlock.domain.errors import Conflict, DatabaseUnavailable, NotFound, RowlockError
from rowlock.engine.operate import Actor, redrive_task
from rowlock.store.database import Database


@dataclass
class Redriven:
    """The tasks by what became of them, as they were named."""

    redriven: list[UUID] = field(default_factory=list)
    refused: dict[UUID, RowlockError] = field(default_factory=dict)
    untried: list[UUID] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """That of the first refusal; but none that means that nothing was stored, where something was."""
        for error in self.refused.values():
            if self.redriven and isinstance(error, DatabaseUnavailable):
                return ExitCode.UNKNOWN
            return error.exit_code
        return ExitCode.DONE

    def document(self) -> dict[str, object]:
        refused = [
            {
                "id": task_id, "type": error.problem, "title": error.title, "detail": error.message,
                "exit_code": error.exit_code,
            }
            for task_id, error in self.refused.items()
        ]  # fmt: skip
        return {"redriven": self.redriven, "refused": refused, "untried": self.untried}

    def text(self) -> str:
        """A line for each task; one for all where there is no more to say."""
        if not self.refused:
            return how_many(len(self.redriven))
        lines = [f"Task {task_id} is back at work." for task_id in self.redriven]
        lines += [f"Task {task_id} was refused: {printable(error.message)}" for task_id, error in self.refused.items()]
        lines += [f"Task {task_id} was not tried." for task_id in self.untried]
        return "\n".join(lines)


async def redrive_each(database: Database, tenant_id: str, task_ids: Sequence[UUID], actor: Actor) -> Redriven:
    """Puts them back to work. Raises what ended the round where it has come to none of them."""
    done, left = Redriven(), list(dict.fromkeys(task_ids))
    while left:
        task_id = left.pop(0)
        try:
            await redrive_task(database, tenant_id, task_id, actor=actor)
            done.redriven.append(task_id)
        except (NotFound, Conflict) as error:
            done.refused[task_id] = error
        except RowlockError as error:
            if not done.redriven and not done.refused:
                raise
            done.refused[task_id] = error
            done.untried, left = left, []
    return done


def how_many(count: int) -> str:
    """`2 tasks are back at work.`"""
    return f"{'1 task is' if count == 1 else f'{count} tasks are'} back at work."
