"""The command line, `rowlock`: each command a thin entrance to the rooms below.

Importing this room must stay cheap, so that `rowlock version` and `--help` answer at once: commands import what they
need when they run.
"""

from __future__ import annotations


def main() -> None:
    """Runs the command that `sys.argv` asks for, and exits with its code."""
    from rowlock.cli.collecting import collect_less, leave_all_to_the_end

    collect_less()
    try:
        from rowlock.cli.program import program

        program(prog_name="rowlock")
    finally:
        leave_all_to_the_end()
