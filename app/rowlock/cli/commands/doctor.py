"""`rowlock doctor`: whether the installation keeps what rowlock promises, and what to do where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.engine.diagnose import Finding


def register(program: typer.Typer) -> None:
    @command(program, "doctor")
    def doctor(call: Call) -> None:
        """Check what the promises need, and say what to do.

        It looks at server, settings, migrations, partitions, tables and workers.

        It exits with 1 where there is a problem; warnings alone leave it at 0.
        """
        from rowlock.engine.diagnose import diagnose

        findings = call.on_database(diagnose, reached=False)
        problems = [finding for finding in findings if finding.verdict == "problem"]
        call.answer({"ok": not problems, "findings": findings}, lambda: _table(findings))
        if problems:
            raise typer.Exit(ExitCode.NO)


def _table(findings: Sequence[Finding]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from rowlock.cli.output import STATUS_STYLES, printable

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False, show_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for finding in findings:
        said = Text(printable(finding.detail))
        if finding.advice:
            said.append(f"\n{printable(finding.advice)}", style="italic")
        made.add_row(Text(finding.verdict, style=STATUS_STYLES[finding.verdict]), finding.check, said)
    return made
