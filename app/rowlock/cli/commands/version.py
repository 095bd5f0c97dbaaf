"""`rowlock version`."""

from __future__ import annotations

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "version")
    def version(call: Call) -> None:
        """Print the version."""
        from rowlock import __version__

        if call.json:
            from rowlock.cli.output import print_json

            print_json({"version": __version__})
        else:
            typer.echo(f"rowlock {__version__}")
