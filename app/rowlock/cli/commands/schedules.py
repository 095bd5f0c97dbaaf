"""`rowlock schedules`: rules by which tasks are enqueued at their windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.store.database import Database
    from rowlock.store.schedules import ScheduleRecord
    from rowlock.store.windows import WindowRecord

NameArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Name of the schedule.", show_default=False)]


def register(program: typer.Typer) -> None:
    schedules = typer.Typer(help="Rules by which tasks are enqueued at their windows.", no_args_is_help=True)
    program.add_typer(schedules, name="schedules")
    _register_reading(schedules)
    _register_create(schedules)
    _register_changes(schedules)


def _register_reading(schedules: typer.Typer) -> None:
    @command(schedules, "list")
    def list_schedules(
        call: Call,
        limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 100,
        past: Annotated[str | None, typer.Option(metavar="SCHEDULE", help="Only names beyond this.")] = None,
    ) -> None:
        """List schedules by name."""
        from rowlock.engine.schedules import list_schedules as list_page

        found = call.on_database(lambda database: list_page(database, call.tenant, past=past, limit=limit))
        call.answer({"items": [_document(schedule) for schedule in found]}, lambda: _table(found))

    @command(schedules, "windows")
    def windows(
        call: Call,
        name: NameArgument,
        limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many of those that were accounted for.")] = 20,
        upcoming: Annotated[int, typer.Option(min=1, max=100, help="How many of those that come.")] = 3,
    ) -> None:
        """Show the windows that come, and those accounted for, newest first."""
        from rowlock.engine.schedules import get_schedule, list_windows, upcoming_windows

        async def work(database: Database) -> tuple[ScheduleRecord, list[WindowRecord]]:
            return (
                await get_schedule(database, call.tenant, name),
                await list_windows(database, call.tenant, name, limit=limit),
            )

        schedule, past = call.on_database(work)
        coming = upcoming_windows(schedule, upcoming)
        call.answer({"upcoming": coming, "items": past}, lambda: _windows_table(coming, past))


def _register_create(schedules: typer.Typer) -> None:
    @command(schedules, "create")
    def create(
        call: Call,
        name: NameArgument,
        *,
        task: Annotated[str, typer.Option("--task", metavar="NAME", help="Their handler.", show_default=False)],
        cron: Annotated[str | None, typer.Option(metavar="RULE", help="Cron: '0 9 * * 1-5', or @daily.")] = None,
        every: Annotated[str | None, typer.Option(metavar="TIME", help="An interval instead: 30s, 15m, 1h30m.")] = None,
        timezone: Annotated[str, typer.Option(metavar="ZONE", help="In which cron is read: Europe/Berlin.")] = "UTC",
        missed_run_policy: Annotated[
            str, typer.Option(metavar="POLICY", help="catch_up, latest_only or skip.")
        ] = "latest_only",
        max_catch_up: Annotated[int, typer.Option(metavar="N", help="Most missed windows that catch_up fires.")] = 100,
        payload: Annotated[
            str, typer.Option("--payload", "-p", metavar="JSON", help="Arguments; @FILE or - reads them.")
        ] = "{}",
        queue: Annotated[
            str | None, typer.Option("--queue", "-q", metavar="NAME", help="Default: the handler's.")
        ] = None,
        priority: Annotated[str | None, typer.Option(metavar="NAME", help="critical, high, normal or low.")] = None,
        max_attempts: Annotated[int | None, typer.Option(metavar="N", help="Attempts.")] = None,
        timeout: Annotated[str | None, typer.Option(metavar="TIME", help="Longest run of one attempt.")] = None,
        tag: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="To find them by; may be repeated.")] = None,
        paused: Annotated[bool, typer.Option("--paused", help="Make it paused.")] = False,
    ) -> None:
        """Make a schedule, by --cron or --every; its windows count from now."""
        from rowlock.cli.values import parse_duration, parse_object
        from rowlock.engine.admission import Admission
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import create_schedule

        options: dict[str, Any] = {
            "queue": queue,
            "priority": int(priority) if priority and priority.isdecimal() else priority,
            "max_attempts": max_attempts,
            "timeout": None if timeout is None else parse_duration(timeout, what="timeout"),
            "tags": tag,
        }
        arguments = parse_object(payload, what="payload", max_bytes=call.settings.max_payload_bytes)

        async def work(database: Database) -> ScheduleRecord:
            request = await Admission(database).schedule(
                call.tenant, name, task, arguments, cron=cron, interval=every, timezone=timezone,
                missed_run_policy=missed_run_policy, max_catch_up=max_catch_up, **options,
            )  # fmt: skip
            return await create_schedule(database, call.tenant, request, actor=Actor(call.actor), paused=paused)

        made = call.on_database(work)
        call.answer(_document(made), lambda: f"The schedule {made.name} is made: {_rule(made)}; {_next(made)}.")


def _register_changes(schedules: typer.Typer) -> None:
    @command(schedules, "pause")
    def pause(call: Call, name: NameArgument) -> None:
        """Stop a schedule from firing."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import pause_schedule

        changed = call.on_database(
            lambda database: pause_schedule(database, call.tenant, name, actor=Actor(call.actor))
        )
        call.answer(_document(changed), lambda: f"The schedule {name} is paused.")

    @command(schedules, "resume")
    def resume(call: Call, name: NameArgument) -> None:
        """Let a paused schedule fire again, from now on."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import resume_schedule

        changed = call.on_database(
            lambda database: resume_schedule(database, call.tenant, name, actor=Actor(call.actor))
        )
        call.answer(_document(changed), lambda: f"The schedule {name} is active; {_next(changed)}.")

    @command(schedules, "trigger")
    def trigger(call: Call, name: NameArgument) -> None:
        """Enqueue one task of the schedule now, outside its windows, and print its id."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import trigger_now

        task_id = call.on_database(lambda database: trigger_now(database, call.tenant, name, actor=Actor(call.actor)))
        call.answer({"id": task_id, "schedule": name}, lambda: str(task_id))

    @command(schedules, "delete")
    def delete(call: Call, name: NameArgument) -> None:
        """Delete a schedule; the tasks it has made go on."""
        from rowlock.engine.operate import Actor
        from rowlock.engine.schedules import delete_schedule

        call.on_database(lambda database: delete_schedule(database, call.tenant, name, actor=Actor(call.actor)))
        call.answer({"name": name, "deleted": True}, lambda: f"The schedule {name} is deleted.")


def _document(schedule: ScheduleRecord) -> dict[str, object]:
    from rowlock.cli.documents import document

    return document(schedule, paused=schedule.paused, lag_seconds=schedule.lag_seconds)


def _rule(schedule: ScheduleRecord) -> str:
    from rowlock.engine.schedules import describe_schedule

    return describe_schedule(schedule)


def _next(schedule: ScheduleRecord) -> str:
    from rowlock.cli.output import instant

    if schedule.paused:
        return "it is paused"
    return f"next at {instant(schedule.next_at)}" if schedule.next_at else "it has no further window"


def _table(found: Sequence[ScheduleRecord]) -> RenderableType:
    from rowlock.cli.output import age, table

    if not found:
        return "No schedules."
    rows = [
        (
            schedule.name,
            "paused" if schedule.paused else "active",
            schedule.expression if schedule.trigger_kind == "cron" else f"every {schedule.expression}",
            schedule.timezone if schedule.trigger_kind == "cron" else "",
            age(schedule.next_at, schedule.read_at),
            schedule.task_name,
        )
        for schedule in found
    ]
    return table(("SCHEDULE", "STATE", "RULE", "ZONE", "NEXT", "TASK"), rows)


def _windows_table(coming: Sequence[Any], past: Sequence[WindowRecord]) -> RenderableType:
    from rowlock.cli.output import table

    rows: list[tuple[object, ...]] = [(moment, "upcoming", "") for moment in reversed(coming)]
    rows += [(window.window_at, window.outcome, window.task_id or window.reason) for window in past]
    return table(("WINDOW", "OUTCOME", "TASK"), rows) if rows else "No windows."
