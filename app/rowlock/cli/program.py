"""The program `rowlock`: its commands, and what becomes of an error that one of them raises."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from rowlock.cli.call import root
from rowlock.cli.commands import NAMES, load_command
from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.refusals import debug_wanted, tell_misuse, tell_raised, tell_refusal, tell_unwritten
from rowlock.cli.streams import Unwritten, let_go_of_stdout, let_go_of_unread_stderr, prepare_streams, say
from rowlock.domain.errors import RowlockError

__all__ = ["program"]


class Program(TyperGroup):
    """Ends with an exit code in every case, and never with a traceback that nobody asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(NAMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Loads the command; all of them where there is none of that name, so that the nearest can be told."""
        for name in [cmd_name] if cmd_name in NAMES else NAMES:
            if name not in self.commands:
                self.commands[name] = load_command(name)
        return super().get_command(ctx, cmd_name)

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> NoReturn:
        arguments = sys.argv[1:] if args is None else list(args)
        json, debug = "--json" in arguments, debug_wanted(arguments)
        prepare_streams()
        try:
            returned = super().main(arguments, *more, **{**options, "standalone_mode": False})
            sys.stdout.flush()
            code = returned if isinstance(returned, int) else ExitCode.DONE
        except RowlockError as error:
            code = tell_refusal(error, json=json, debug=debug)
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            said = error.format_message()
            if said.startswith("Usage:"):  # help, for want of a command
                say(said)
                code = ExitCode.INVALID
            else:
                code = tell_misuse(said, context and context.command_path, json=json)
        except typer.Abort:
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            let_go_of_stdout()  # the reader has left
            code = ExitCode.NO
        except Unwritten as error:
            let_go_of_stdout()
            code = tell_unwritten(error, json=json)
        except Exception as error:  # noqa: BLE001 - the last one who could turn it into a sentence
            code = tell_raised(error, json=json, debug=debug)
        let_go_of_unread_stderr()
        sys.exit(int(code))


program = typer.Typer(
    cls=Program,
    name="rowlock",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from rowlock import __version__

        typer.echo(__version__)
        raise typer.Exit


@root(program)
def rowlock(
    _: None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A durable job system whose only server is PostgreSQL."""
