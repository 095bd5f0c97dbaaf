"""Each window of a schedule is accounted for once: by one task, or by the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.harness.history.case import Case, grouped
from tests.harness.history.rows import ScheduleRow, TaskRow, WindowRow
from tests.harness.history.violations import Violation, shown, violation

RULE = "windows"
NOT_IN_A_CATCH_UP = ("missed", "superseded")


def windows(case: Case) -> Iterator[Violation]:
    made = grouped((_window_of(row), row) for row in case.rows.tasks if row.window_at is not None)
    accounted = {(window.schedule, window.window_at): window for window in case.rows.windows}
    for (schedule, at), tasks in made.items():
        yield from _made_wrongly(f"Window {shown(at)}", tasks, accounted.get((schedule, at)))
    for window in case.rows.windows:
        yield from _recorded_wrongly(window, case.tasks)
    by_schedule = grouped((window.schedule, window) for window in case.rows.windows)
    for rule in case.rows.schedules:
        yield from _unaccounted(rule, by_schedule.get(rule.id, []))
    yield from _forgotten(case, accounted)


def _window_of(task: TaskRow) -> tuple[str, int]:
    return str(task.schedule), task.window_at or 0


def _made_wrongly(name: str, tasks: list[TaskRow], window: WindowRow | None) -> Iterator[Violation]:
    if len({task.id for task in tasks}) > 1:
        yield violation(RULE, f"{name} made {len(tasks)} tasks.", *tasks, window)
    elif window is None or window.task != tasks[0].id:
        yield violation(RULE, f"Task {tasks[0].id} was made by a window that does not know it.", *tasks, window)


def _recorded_wrongly(window: WindowRow, tasks: Mapping[str, TaskRow]) -> Iterator[Violation]:
    if window.outcome == "fired" and window.task not in tasks:
        yield violation(RULE, f"Window {shown(window.window_at)} fired, and its task is not there.", window)
    if window.outcome == "fired" and window.recorded_at < window.window_at:
        yield violation(RULE, f"Window {shown(window.window_at)} fired before it was due.", window)
    if window.outcome == "skipped" and not window.reason:
        yield violation(RULE, f"Window {shown(window.window_at)} was skipped without a reason.", window)


def _unaccounted(schedule: ScheduleRow, accounted: list[WindowRow]) -> Iterator[Violation]:
    """Between the rule's last change and its cursor is no gap, and a catch-up leaves out only what is out of bounds."""
    at = {window.window_at for window in accounted}
    runs = [(window.passed_after, window.window_at) for window in accounted if window.passed_after is not None]
    for window_at in schedule.windows:
        if window_at not in at and not any(after < window_at < through for after, through in runs):
            yield violation(
                RULE, f"Window {shown(window_at)} of {schedule.name} was passed by, and nothing says why.", schedule
            )
    if schedule.missed_run_policy == "catch_up":
        for window in accounted:
            if window.reason in NOT_IN_A_CATCH_UP and window.window_at > schedule.changed_at:
                yield violation(
                    RULE, f"Window {shown(window.window_at)} of {schedule.name} was not caught up with.", window
                )


def _forgotten(case: Case, accounted: dict[tuple[str, int], WindowRow]) -> Iterator[Violation]:
    """What the leader was told has fired, has."""
    for call in case.history.of("fire"):
        for said in call.answer.get("windows", ()):
            window = accounted.get((said["schedule"], said["window_at"]))
            if window is None or window.task != said["task"]:
                yield violation(
                    RULE, f"Window {shown(said['window_at'])} was fired, and is not on record so.", call, window
                )
