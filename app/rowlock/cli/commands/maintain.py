"""`rowlock maintain`: one round of what the leader does every hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from rowlock.engine.retain import MaintenanceReport


def register(program: typer.Typer) -> None:
    @command(program, "maintain")
    def maintain(call: Call) -> None:
        """Make partitions ahead, drop what has been kept long enough.

        The scheduler does this by itself; by hand it is for installations without one. What somebody reads at the
        moment is postponed to the next round.
        """
        from rowlock.cli.output import details
        from rowlock.engine.retain import maintain as maintain_once

        report = call.on_database(maintain_once)
        call.answer(report, lambda: details(_facts(report)))


def _facts(report: MaintenanceReport) -> dict[str, object]:
    return {
        "Partitions made": report.made,
        "Partitions dropped": len(report.dropped),
        "Dropped": ", ".join(report.dropped),
        "Days ahead": report.days_ahead,
        "Tasks carried": report.tasks_carried,
        "Attempts carried": report.attempts_carried,
        "Steps carried": report.steps_carried,
        "Keys forgotten": report.keys_forgotten,
        "Windows forgotten": report.windows_forgotten,
        "Workers forgotten": report.workers_forgotten,
        "Postponed": "\n".join(f"{what}: {reason}" for what, reason in report.postponed),
        "Took": f"{report.seconds:.1f} s",
    }
