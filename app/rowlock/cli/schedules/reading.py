"""`rowlock schedules list | show | windows | next | explain`: nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.schedules import options as said
from rowlock.cli.schedules.tables import (
    explained,
    preview_table,
    schedule_document,
    schedule_facts,
    schedules_table,
    windows_table,
)

if TYPE_CHECKING:
    from rowlock.engine.previews import Preview
    from rowlock.store.database import Database
    from rowlock.store.schedules import ScheduleRecord
    from rowlock.store.windows import WindowRecord


def register(schedules: typer.Typer) -> None:
    _register_list(schedules)
    _register_windows(schedules)
    _register_next(schedules)


def _register_list(schedules: typer.Typer) -> None:
    @command(schedules, "list")
    def list_schedules(
        call: Call,
        limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 100,
        past: Annotated[str | None, typer.Option(metavar="SCHEDULE", help="Only names beyond this.")] = None,
    ) -> None:
        """List schedules by name."""
        from rowlock.engine.schedules import list_schedules as list_page

        found = call.on_database(lambda database: list_page(database, call.tenant, past=past, limit=limit))
        call.answer({"items": [schedule_document(schedule) for schedule in found]}, lambda: schedules_table(found))

    @command(schedules, "show")
    def show(call: Call, name: said.NameArgument) -> None:
        """Show all of one schedule."""
        from rowlock.engine.schedules import get_schedule

        found = call.on_database(lambda database: get_schedule(database, call.tenant, name))
        call.answer(schedule_document(found), lambda: schedule_facts(found))


def _register_windows(schedules: typer.Typer) -> None:
    @command(schedules, "windows")
    def windows(
        call: Call,
        name: said.NameArgument,
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
        call.answer({"upcoming": coming, "items": past}, lambda: windows_table(coming, past))

    @command(schedules, "explain")
    def explain(
        call: Call,
        name: said.NameArgument,
        window: Annotated[
            str | None,
            typer.Option(
                metavar="INSTANT", help="On the clocks of the schedule's zone, or with an offset. Default: the latest."
            ),
        ] = None,
    ) -> None:
        """Tell why a window fired or not, and what to do about it."""
        from rowlock.engine.explain_window import explain_window

        told = call.on_database(lambda database: explain_window(database, call.tenant, name, window))
        call.answer(told, lambda: explained(told))


def _register_next(schedules: typer.Typer) -> None:
    @command(schedules, "next")
    def next_windows(
        call: Call,
        name: Annotated[
            str | None, typer.Argument(metavar="[SCHEDULE]", help="A schedule, or else a rule.", show_default=False)
        ] = None,
        *,
        count: Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="How many.")] = 5,
        cron: said.Cron = None,
        every: said.Every = None,
        once: said.Once = None,
        calendar: said.Calendar = None,
        timezone: said.Timezone = None,
        anchor_at: said.AnchorAt = None,
        starts_at: said.StartsAt = None,
        ends_at: said.EndsAt = None,
        jitter: said.Jitter = None,
        allow_seconds: said.AllowSeconds = None,
    ) -> None:
        """Show the next windows of a schedule, or of a rule that is only tried."""
        rule = {
            "cron": cron, "every": every, "once": once, "calendar": calendar, "timezone": timezone,
            "anchor_at": anchor_at, "starts_at": starts_at, "ends_at": ends_at, "jitter": jitter,
            "allow_seconds": allow_seconds,
        }  # fmt: skip
        preview = _preview(call, name, rule, count)
        windows = [{"window_at": at, "due_at": due_at} for at, due_at in preview.windows]
        call.answer({"description": preview.description, "windows": windows}, lambda: preview_table(preview))


def _preview(call: Call, name: str | None, rule: dict[str, Any], count: int) -> Preview:
    from rowlock.domain.errors import InvalidArgument
    from rowlock.domain.schedule_requests import schedule_request
    from rowlock.engine.previews import preview_of, preview_rule
    from rowlock.engine.schedules import get_schedule

    given = said.read_options(rule)
    if name is not None and given:
        raise InvalidArgument("Name a schedule, or give a rule to try; not both.", field=next(iter(given)))
    if name is not None:
        found = call.on_database(lambda database: get_schedule(database, call.tenant, name))
        return preview_of(found, count)
    request = schedule_request("preview", "preview", **given)
    return call.on_database(lambda database: preview_rule(database, request, count))
