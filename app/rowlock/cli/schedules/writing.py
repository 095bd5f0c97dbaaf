"""`rowlock schedules create | update | sync`: what a schedule is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.schedules import options as said
from rowlock.cli.schedules.tables import described, next_told, schedule_document, synced

if TYPE_CHECKING:
    from rowlock.store.database import Database
    from rowlock.store.schedules import ScheduleRecord

CLEARABLE = ("catch_up_window", "ends_at", "starts_at", "timeout")


def register(schedules: typer.Typer) -> None:
    _register_create(schedules)
    _register_update(schedules)
    _register_sync(schedules)


def _register_create(schedules: typer.Typer) -> None:
    @command(schedules, "create")
    def create(
        call: Call,
        name: said.NameArgument,
        *,
        task: Annotated[str, typer.Option("--task", metavar="NAME", help="Their handler.", show_default=False)],
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
        missed_run_policy: said.MissedRunPolicy = None,
        max_catch_up: said.MaxCatchUp = None,
        catch_up_window: said.CatchUpWindow = None,
        misfire_grace: said.MisfireGrace = None,
        overlap_policy: said.OverlapPolicy = None,
        payload: said.Payload = None,
        payload_version: said.PayloadVersion = None,
        queue: said.Queue = None,
        priority: said.Priority = None,
        max_attempts: said.MaxAttempts = None,
        timeout: said.Timeout = None,
        tag: said.Tag = None,
        paused: Annotated[bool, typer.Option("--paused", help="Make it paused.")] = False,
    ) -> None:
        """Make a schedule, by --cron, --every, --once or --calendar; its windows count from now."""
        given = _given(locals())
        made = call.on_database(lambda database: _create(database, call, name, given, paused=paused))
        call.answer(
            schedule_document(made), lambda: f"The schedule {made.name} is made: {described(made)}; {next_told(made)}."
        )


async def _create(database: Database, call: Call, name: str, given: dict[str, Any], *, paused: bool) -> ScheduleRecord:
    from rowlock.engine.admission import Admission
    from rowlock.engine.operate import Actor
    from rowlock.engine.schedules import create_schedule

    task, payload = given.pop("task"), _payload(call, given.pop("payload", "{}"))
    request = await Admission(database).schedule(call.tenant, name, task, payload, **said.read_options(given))
    return await create_schedule(database, call.tenant, request, actor=Actor(call.actor), paused=paused)


def _register_update(schedules: typer.Typer) -> None:
    @command(schedules, "update")
    def update(
        call: Call,
        name: said.NameArgument,
        *,
        task: Annotated[str | None, typer.Option("--task", metavar="NAME", help="Their handler.")] = None,
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
        missed_run_policy: said.MissedRunPolicy = None,
        max_catch_up: said.MaxCatchUp = None,
        catch_up_window: said.CatchUpWindow = None,
        misfire_grace: said.MisfireGrace = None,
        overlap_policy: said.OverlapPolicy = None,
        payload: said.Payload = None,
        payload_version: said.PayloadVersion = None,
        queue: said.Queue = None,
        priority: said.Priority = None,
        max_attempts: said.MaxAttempts = None,
        timeout: said.Timeout = None,
        tag: said.Tag = None,
        clear: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME", help=f"Take away what was set: {', '.join(CLEARABLE)}; may be repeated."),
        ] = None,
    ) -> None:
        """Change some of a schedule. Where its rule changes, its windows count from now."""
        given = _given(locals())
        changed = call.on_database(lambda database: _update(database, call, name, given, clear or []))
        call.answer(
            schedule_document(changed),
            lambda: f"The schedule {changed.name} is changed: {described(changed)}; {next_told(changed)}.",
        )


async def _update(database: Database, call: Call, name: str, given: dict[str, Any], clear: list[str]) -> ScheduleRecord:
    from rowlock.domain.errors import InvalidArgument
    from rowlock.engine.admission import Admission
    from rowlock.engine.operate import Actor
    from rowlock.engine.schedules import update_schedule

    if "payload" in given:
        given["payload"] = _payload(call, given["payload"])
    if "task" in given:
        given["task_name"] = given.pop("task")
    changes = said.read_options(given)
    for field in clear:
        if field.replace("-", "_") not in CLEARABLE or field.replace("-", "_") in changes:
            raise InvalidArgument(f"{field!r} cannot be cleared: it is one of {', '.join(CLEARABLE)}.", field="clear")
        changes[field.replace("-", "_")] = None
    if not changes:
        raise InvalidArgument("Say what is to be changed.", field="cron")
    changes = await Admission(database).schedule_change(call.tenant, name, changes)
    return await update_schedule(database, call.tenant, name, changes, actor=Actor(call.actor))


def _register_sync(schedules: typer.Typer) -> None:
    @command(schedules, "sync")
    def sync(
        call: Call,
        app: Annotated[
            str, typer.Argument(metavar="MODULE:app", help="The application that declares them.", show_default=False)
        ],
        take_over: Annotated[
            bool, typer.Option("--take-over", help="Also those that another application declares.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    ) -> None:
        """Bring the schedules of an application to what its code declares; those that vanished are paused."""
        from rowlock.cli.applications import load_application, settings_of
        from rowlock.engine.declared_schedules import sync_declared

        application = load_application(app)
        settings = settings_of(application, call.settings, call.given(call.flags))
        name, declared = application.name, list(application.schedules.declared.values())
        report = call.on_database(
            lambda database: sync_declared(
                database, settings.tenant, name, declared, take_over=take_over, dry_run=dry_run
            ),
            settings=settings,
        )
        call.answer({"application": name, **_fields(report)}, lambda: synced(report, name, dry_run=dry_run))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    apart = ("call", "name", "paused", "clear")
    return {name: value for name, value in options.items() if name not in apart and value is not None}


def _payload(call: Call, text: str) -> dict[str, Any]:
    from rowlock.cli.values import parse_object

    return parse_object(text, what="payload", max_bytes=call.settings.max_payload_bytes)


def _fields(report: object) -> dict[str, Any]:
    from dataclasses import asdict, is_dataclass

    assert is_dataclass(report)
    assert not isinstance(report, type)
    return asdict(report)
