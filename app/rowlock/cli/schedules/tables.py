"""Schedules and their windows, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from rowlock.engine.declared_schedules import SyncReport
    from rowlock.engine.explain_window import WindowExplanation
    from rowlock.engine.previews import Preview
    from rowlock.store.schedules import ScheduleRecord
    from rowlock.store.windows import WindowRecord


def schedule_document(schedule: ScheduleRecord) -> dict[str, object]:
    """The schedule with `--json`."""
    from rowlock.cli.documents import document

    return document(schedule, paused=schedule.paused, lag_seconds=schedule.lag_seconds, description=described(schedule))


def described(schedule: ScheduleRecord) -> str:
    """The rule in English, or what is wrong with it."""
    from rowlock.domain.errors import InvalidArgument
    from rowlock.engine.schedules import describe_schedule

    try:
        return describe_schedule(schedule)
    except InvalidArgument as error:
        return str(error)


def next_told(schedule: ScheduleRecord) -> str:
    """When it comes next, as the end of a sentence."""
    from rowlock.cli.output import instant

    if schedule.paused:
        return "it is paused"
    return f"next at {instant(schedule.next_at)}" if schedule.next_at else "it has no further window"


def schedules_table(found: Sequence[ScheduleRecord]) -> RenderableType:
    from rowlock.cli.output import age, table

    if not found:
        return "No schedules."
    rows = [
        (
            schedule.name,
            "paused" if schedule.paused else "active",
            f"every {schedule.expression}" if schedule.trigger_kind == "interval" else schedule.expression,
            "" if schedule.trigger_kind == "interval" else schedule.timezone,
            age(schedule.next_at, schedule.read_at),
            schedule.task_name,
        )
        for schedule in found
    ]
    return table(("SCHEDULE", "STATE", "RULE", "ZONE", "NEXT", "TASK"), rows)


def schedule_facts(schedule: ScheduleRecord) -> RenderableType:
    """One schedule, fact by fact; what is not set is left out."""
    from rowlock.cli.output import table

    facts = schedule_document(schedule)
    order = ("name", "description", "expression", "task_name", "queue", "next_at", "cursor_at", "lag_seconds", "paused")
    names = [*order, *(name for name in facts if name not in (*order, "id", "read_at", "tenant_id"))]
    return table(("FACT", "VALUE"), [(name, facts[name]) for name in names if facts[name] not in (None, [], "")])


def windows_table(coming: Sequence[datetime], past: Sequence[WindowRecord]) -> RenderableType:
    from rowlock.cli.output import table

    rows: list[tuple[object, ...]] = [(moment, "upcoming", "", "") for moment in reversed(coming)]
    rows += [(window.window_at, window.outcome, window.reason or "", window.task_id or "") for window in past]
    return table(("WINDOW", "OUTCOME", "REASON", "TASK"), rows) if rows else "No windows."


def preview_table(preview: Preview) -> RenderableType:
    from rich.console import Group

    from rowlock.cli.output import table

    late = any(at != due_at for at, due_at in preview.windows)
    titles = ("WINDOW", "DUE") if late else ("WINDOW",)
    return Group(preview.description, table(titles, [window[: len(titles)] for window in preview.windows]))


def explained(told: WindowExplanation) -> str:
    from rowlock.cli.output import instant

    return f"{told.schedule}, window {instant(told.window_at)}: {told.code}\n{told.explanation}\n{told.advice}".strip()


def synced(report: SyncReport, application: str, *, dry_run: bool) -> str:
    """What a sync did, a line for each kind of thing."""
    lines = [
        f"{what}: {', '.join(names)}"
        for what, names in (
            ("made", report.created),
            ("changed", report.changed),
            ("resumed", report.resumed),
            ("paused, for the code has them no longer", report.paused),
            ("left to the applications that declare them (--take-over makes them this one's)", report.foreign),
        )
        if names
    ]
    lines.append(f"{len(report.unchanged)} unchanged")
    return f"Schedules of {application}{', as a sync would leave them' if dry_run else ''}:\n  " + "\n  ".join(lines)
