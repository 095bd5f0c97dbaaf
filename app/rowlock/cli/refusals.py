"""How an error is told: one sentence on stderr, or one JSON object there with `--json`; a traceback only on request."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.streams import say, unread

if TYPE_CHECKING:
    from rowlock.domain.errors import RowlockError


def tell_refusal(error: RowlockError, *, json: bool, debug: bool) -> int:
    """Tells what rowlock refused; the exit code that says the same."""
    if debug:
        _trace(error)
    code = error.exit_code
    _tell(error.problem, error.title, error.message, code, json=json, **error.detail)
    return code


def tell_misuse(sentence: str, command: str | None, *, json: bool) -> int:
    """Tells that the command line itself cannot be understood."""
    hint = f" See `{command} --help`." if command else ""
    _tell("usage", "Usage error", f"{_ended(sentence)}{hint}", ExitCode.INVALID, json=json)
    return ExitCode.INVALID


def tell_unwritten(error: OSError, *, json: bool) -> int:
    """Tells that stdout did not take the answer."""
    sentence = f"The answer could not be written to stdout: {error}. What was asked for may be done all the same."
    _tell("unwritten", "Answer not written", sentence, ExitCode.UNKNOWN, json=json)
    return ExitCode.UNKNOWN


def tell_raised(error: Exception, *, json: bool, debug: bool) -> int:
    """Tells of any other error; of one that only a task group has wrapped, as if it had not."""
    from rowlock.domain.errors import RowlockError

    alone = error
    while isinstance(alone, ExceptionGroup) and len(alone.exceptions) == 1:
        alone = alone.exceptions[0]
    if isinstance(alone, RowlockError):
        return tell_refusal(alone, json=json, debug=debug)
    return _tell_defect(alone, json=json, debug=debug)


def _tell_defect(error: Exception, *, json: bool, debug: bool) -> int:
    """Tells of an error that nobody foresaw."""
    if debug:
        _trace(error)
        hint = ""
    else:
        hint = " Run it again with --debug to see where, and please report it."
    said = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    _tell("internal", "Internal error", f"Unexpected {_ended(what)}{hint}", ExitCode.DEFECT, json=json)
    return ExitCode.DEFECT


def debug_wanted(arguments: Sequence[str]) -> bool:
    """Whether tracebacks were asked for, by flag or by ROWLOCK_DEBUG."""
    return "--debug" in arguments or os.environ.get("ROWLOCK_DEBUG", "").lower() not in ("", "0", "false", "no", "off")


def _tell(problem: str, title: str, sentence: str, code: int, *, json: bool, **detail: Any) -> None:
    if json:
        from rowlock.cli.output import print_json

        document = {"type": problem, "title": title, "detail": sentence, "exit_code": int(code)}
        with unread():
            print_json({**{k: _plain(v) for k, v in detail.items()}, **document}, stream=sys.stderr, indent=False)
        return
    label = "\x1b[1;31mError:\x1b[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else "Error:"
    say(f"{label} {_printable(sentence)}")


def _trace(error: Exception) -> None:
    with unread():
        traceback.print_exception(error)


def _printable(text: str) -> str:
    from rowlock.cli.output import printable

    return printable(text)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
