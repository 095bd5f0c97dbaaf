"""`rowlock schedules pause | resume | trigger | backfill | delete`: what is done with a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.schedules import options as said
from rowlock.cli.schedules.tables import next_told, schedule_document

if TYPE_CHECKING:
    from rowlock.engine.backfill import Backfill


def register(schedules: typer.Typer) -> None:
    _register_pauses(schedules)
    _register_firing(schedules)

    @command(schedules, "delete")
    def delete(call: Call, name: said.NameArgument) -> None:
        """Delete a schedule; the tasks it has made go on."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import delete_schedule

        call.on_database(lambda database: delete_schedule(database, call.tenant, name, actor=Actor(call.actor)))
        call.answer({"name": name, "deleted": True}, lambda: f"The schedule {name} is deleted.")


def _register_pauses(schedules: typer.Typer) -> None:
    @command(schedules, "pause")
    def pause(call: Call, name: said.NameArgument) -> None:
        """Stop a schedule from firing."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import pause_schedule

        changed = call.on_database(
            lambda database: pause_schedule(database, call.tenant, name, actor=Actor(call.actor))
        )
        call.answer(schedule_document(changed), lambda: f"The schedule {name} is paused.")

    @command(schedules, "resume")
    def resume(call: Call, name: said.NameArgument) -> None:
        """Let a paused schedule fire again, from now on."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import resume_schedule

        changed = call.on_database(
            lambda database: resume_schedule(database, call.tenant, name, actor=Actor(call.actor))
        )
        call.answer(schedule_document(changed), lambda: f"The schedule {name} is active; {next_told(changed)}.")


def _register_firing(schedules: typer.Typer) -> None:
    @command(schedules, "trigger")
    def trigger(
        call: Call,
        name: said.NameArgument,
        task_id: Annotated[
            str | None,
            typer.Option("--id", metavar="UUID", help="The task's id; to trigger again under it makes no second task."),
        ] = None,
    ) -> None:
        """Enqueue one task of the schedule now, outside its windows, and print its id."""
        from rowlock.domain.ids import parse_id
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import trigger_now

        chosen, actor = None if task_id is None else parse_id(task_id), Actor(call.actor)
        stored = call.on_database(
            lambda database: trigger_now(database, call.tenant, name, actor=actor, task_id=chosen)
        )
        call.answer({"id": stored.id, "created": stored.created, "schedule": name}, lambda: str(stored.id))
        if not stored.created and not call.json:
            typer.echo("This is an earlier task: the schedule was triggered under its id before.", err=True)

    @command(schedules, "backfill")
    def backfill(
        call: Call,
        name: said.NameArgument,
        since: Annotated[str, typer.Option(metavar="INSTANT", help="First window, in ISO 8601.", show_default=False)],
        until: Annotated[str, typer.Option(metavar="INSTANT", help="Last window, in ISO 8601.", show_default=False)],
    ) -> None:
        """Fire the past windows of a range that never fired, at most 10,000. Safe to repeat."""
        from rowlock.cli.values import parse_instant
        from rowlock.engine import backfill as engine
        from rowlock.engine.operate import Actor

        first, last = parse_instant(since, what="since"), parse_instant(until, what="until")
        done = call.on_database(
            lambda database: engine.backfill(
                database, call.tenant, name, since=first, until=last, actor=Actor(call.actor)
            )
        )
        fired = [{"window_at": at, "task_id": task_id} for at, task_id in done.fired.items()]
        call.answer({"windows": done.windows, "fired": fired}, lambda: _backfilled(name, done))


def _backfilled(name: str, done: Backfill) -> str:
    before = done.windows - len(done.fired)
    return f"{len(done.fired)} of {done.windows} windows of {name} are fired; {before} had fired before."
