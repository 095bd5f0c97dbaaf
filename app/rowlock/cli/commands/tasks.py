"""`rowlock tasks`: look at tasks, cancel them, put them back to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from uuid import UUID

    from rich.console import RenderableType

    from rowlock.store.database import Database
    from rowlock.store.operations import Explanation
    from rowlock.store.steps import StepRecord
    from rowlock.store.tasks import ExecutionRecord, TaskRecord

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.", show_default=False)]


def register(program: typer.Typer) -> None:
    tasks = typer.Typer(help="Look at tasks, cancel them, put them back to work.", no_args_is_help=True)
    program.add_typer(tasks, name="tasks")

    @command(tasks, "list")
    def list_tasks(
        call: Call,
        *,
        status: Annotated[list[str] | None, typer.Option(metavar="STATUS", help="Only these; may be repeated.")] = None,
        queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only of this queue.")] = None,
        name: Annotated[str | None, typer.Option(metavar="NAME", help="Only for this handler.")] = None,
        tag: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this tag.")] = None,
        parent: Annotated[str | None, typer.Option(metavar="TASK", help="Only children of this task.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
        before: Annotated[str | None, typer.Option(metavar="TASK", help="Only older ones than this.")] = None,
    ) -> None:
        """List tasks, newest first."""
        from rowlock.cli.pages import next_before, task_documents, task_table
        from rowlock.domain.ids import parse_id
        from rowlock.engine.inspect import list_tasks as list_page
        from rowlock.store.listing import TaskFilter

        wanted = TaskFilter(
            statuses=_statuses(status or []),
            queue=queue,
            name=name,
            tag=tag,
            parent_id=parse_id(parent) if parent else None,
        )
        start = parse_id(before) if before else None
        page = call.on_database(lambda database: list_page(database, call.tenant, wanted, past=start, limit=limit))
        document = {"items": task_documents(page), "next_before": next_before(page, limit)}
        call.answer(document, lambda: task_table(page, limit))

    @command(tasks, "show")
    def show(call: Call, task: TaskArgument) -> None:
        """Show a task: what it is, why it is where it is, and its attempts."""
        from rowlock.cli.documents import document
        from rowlock.domain.ids import parse_id

        found, reasons, attempts, children = call.on_database(
            lambda database: _everything(database, call.tenant, parse_id(task))
        )
        told = document(
            found, explanations=reasons, executions=[document(each) for each in attempts], children=children
        )
        call.answer(told, lambda: _shown(found, reasons, attempts, children))

    @command(tasks, "steps")
    def steps(call: Call, task: TaskArgument) -> None:
        """Show the durable steps that a task has finished, first to last, and what each returned."""
        from rowlock.cli.documents import document
        from rowlock.domain.ids import parse_id
        from rowlock.engine.inspect import all_steps

        task_id = parse_id(task)
        found = call.on_database(lambda database: all_steps(database, call.tenant, task_id))
        call.answer({"items": [document(step) for step in found]}, lambda: _steps_table(found))

    @command(tasks, "cancel")
    def cancel(
        call: Call,
        task: TaskArgument,
        *,
        reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the record.")] = None,
        wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended, and say how.")] = False,
    ) -> None:
        """Cancel a task: at once where it waits; where it runs, its worker is asked to stop it.

        A running one has ROWLOCK_CANCEL_GRACE_SECONDS to obey, then it is stopped. With --wait it exits with 1 where
        the task ended otherwise than cancelled.
        """
        from rowlock.domain.ids import parse_id

        task_id = parse_id(task)
        said, ended = call.on_database(lambda database: _cancel(database, call, task_id, reason, wait=wait))
        answer: dict[str, Any] = {"id": task_id, "outcome": said}
        sentence = "has been cancelled" if said == "cancelled" else "is running; its worker has been asked to stop it"
        if ended is not None:
            answer.update(status=ended.status, reason=ended.reason)
            sentence = f"ended as {ended.status}" + (f" ({ended.reason})" if ended.reason else "")
        call.answer(answer, lambda: f"Task {task_id} {sentence}.")
        if ended is not None and ended.status != "cancelled":
            raise typer.Exit(ExitCode.NO)

    @command(tasks, "redrive")
    def redrive(call: Call, task: TaskArgument) -> None:
        """Put a dead or cancelled task back to work, with all its attempts ahead of it."""
        from rowlock.domain.ids import parse_id
        from rowlock.engine.operate import Actor, redrive_task

        task_id = parse_id(task)
        call.on_database(lambda database: redrive_task(database, call.tenant, task_id, actor=Actor(call.actor)))
        call.answer({"id": task_id}, lambda: f"Task {task_id} is back at work.")


def _statuses(names: list[str]) -> frozenset[Any]:
    from rowlock.domain.errors import InvalidArgument
    from rowlock.domain.states import Status

    known = [status.value for status in Status]
    for name in names:
        if name not in known:
            raise InvalidArgument(f"The status {name!r} is unknown: use {', '.join(known)}.", field="status")
    return frozenset(Status(name) for name in names)


async def _cancel(
    database: Database, call: Call, task_id: UUID, reason: str | None, *, wait: bool
) -> tuple[str, TaskRecord | None]:
    from rowlock.cli.watching import wait_for_end
    from rowlock.engine.afterwards import already
    from rowlock.engine.operate import Actor, cancel_task

    said = await cancel_task(database, call.tenant, task_id, reason=reason, actor=Actor(call.actor))
    if not wait:
        return said, None
    with already(f"Task {task_id} was cancelled, or its worker asked to stop it"):
        return said, await wait_for_end(database, call.tenant, task_id)


def _steps_table(steps: list[StepRecord]) -> RenderableType:
    from rowlock.cli.output import json_text, seconds_text, table

    if not steps:
        return "No steps."
    rows = [
        (str(each.step), each.attempt, each.recorded_at, seconds_text(each.run_seconds), json_text(each.result))
        for each in steps
    ]
    return table(("STEP", "ATTEMPT", "RECORDED", "RAN", "RESULT"), rows, numbers=("ATTEMPT", "RAN"))


async def _everything(
    database: Database, tenant_id: str, task_id: Any
) -> tuple[TaskRecord, list[Explanation], list[ExecutionRecord], dict[str, int]]:
    from rowlock.engine.inspect import count_children, explain_task, get_executions, get_task

    return (
        await get_task(database, tenant_id, task_id),
        await explain_task(database, tenant_id, task_id),
        await get_executions(database, tenant_id, task_id),
        await count_children(database, tenant_id, task_id),
    )


def _shown(
    task: TaskRecord, reasons: list[Explanation], attempts: list[ExecutionRecord], children: dict[str, int]
) -> RenderableType:
    from rich.console import Group

    from rowlock.cli.output import details, json_text, seconds_text, table
    from rowlock.cli.watching import counts_text
    from rowlock.domain.priorities import Priority

    facts = {
        "Task": task.id,
        "Name": task.name,
        "Status": task.status,
        "Why": "\n".join(f"{reason.explanation} {reason.advice}".strip() for reason in reasons),
        "Queue": f"{task.queue}, priority {Priority(task.priority).label}, lane {task.lane}",
        "Attempt": f"{task.attempt} of {task.max_attempts}",
        "Created": task.created_at,
        "Due": task.visible_at if task.status in ("scheduled", "retrying") else None,
        "Deadline": task.deadline_at,
        "Started": task.started_at,
        "Finished": task.finished_at,
        "Waited": seconds_text(task.wait_seconds),
        "Tags": ", ".join(task.tags or []),
        "Parent": task.parent_id,
        "Children": counts_text(children),
        "Payload": json_text(task.payload),
        "Progress": json_text(task.progress) if task.progress is not None else None,
        "Result": json_text(task.result) if task.result is not None else None,
        "Error": task.error,
    }
    rows = [
        (each.attempt, each.outcome, each.started_at, seconds_text(each.run_seconds), each.worker_id, each.error or "")
        for each in attempts
    ]
    columns = ("ATTEMPT", "OUTCOME", "STARTED", "RAN", "WORKER", "ERROR")
    traceback = next((each.traceback for each in reversed(attempts) if each.traceback), None)
    parts: list[RenderableType] = [details(facts)]
    if rows:
        parts += ["", table(columns, rows, numbers=("ATTEMPT", "RAN", "WORKER"))]
    if traceback and task.status != "succeeded":
        from rich.text import Text

        from rowlock.cli.output import printable

        parts += ["", Text(printable(traceback).rstrip())]
    return Group(*parts)
