"""What commands print: one JSON document for programs, narrow tables for people, errors as one sentence.

Answers go to stdout, everything else to stderr. Colour appears on terminals only (and never with NO_COLOR); what goes
to a pipe or a file is never cut to a width.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

UNCUT_WIDTH = 10_000
GAP = 2
NARROWEST = 6
STATUS_STYLES = {
    "succeeded": "green", "healthy": "green", "ok": "green", "active": "green", "running": "cyan", "ready": "blue",
    "scheduled": "blue", "retrying": "yellow", "blocked": "yellow", "paused": "yellow", "degraded": "yellow",
    "draining": "yellow", "warning": "yellow", "dead": "red", "unhealthy": "red", "gone": "red", "problem": "red",
    "cancelled": "dim", "stopped": "dim",
}  # fmt: skip


def console(stream: TextIO | None = None) -> Console:
    """A console on `stream`, stdout by default."""
    from rich.console import Console

    stream = stream or sys.stdout
    width = None if stream.isatty() else UNCUT_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_json(document: object, *, stream: TextIO | None = None, indent: bool = True) -> None:
    """One JSON document: times in ISO 8601 with their offset, ids as text, dataclasses as objects."""
    import orjson

    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    text = orjson.dumps(document, default=_json_value, option=options).decode()
    stream = stream or sys.stdout
    stream.write(text)
    stream.flush()


def _json_value(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def show(renderable: RenderableType) -> None:
    """Prints for people. Nobody pads a file with blanks."""
    shown = console()
    if sys.stdout.isatty():
        shown.print(renderable)
        return
    with shown.capture() as captured:
        shown.print(renderable)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def tell_note(text: str) -> None:
    """Tells something beside the answer."""
    sys.stderr.write(f"Note: {printable(text)}\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[str] = ()) -> Table:
    """A table without lines. The first column is never cut; `numbers` names the columns to set flush right."""
    from rich.table import Table

    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(column), *(row[at].cell_len for row in cells)]) for at, column in enumerate(columns)]
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for column, width in zip(columns, fitted(widths, console().width), strict=True):
        justify: JustifyMethod = "right" if column in numbers else "left"
        made.add_column(column, justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        made.add_row(*row)
    return made


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """The widths, of which the widest but the first are cut until all columns fit."""
    fit = list(widths)
    excess = sum(fit) + GAP * (len(fit) - 1) - room
    while excess > 0 and max(fit[1:], default=0) > NARROWEST:
        fit[fit.index(max(fit[1:]), 1)] -= 1
        excess -= 1
    return fit


def details(facts: Mapping[str, object]) -> Table:
    """One thing, a line a fact; facts that are None or empty are left out, long ones wrap."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False, show_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None and value not in ("", [], {}):
            made.add_row(name, _cell(value))
    return made


def _cell(value: object) -> Text:
    from rich.text import Text

    text = "" if value is None else instant(value) if isinstance(value, datetime) else printable(str(value))
    return Text(text, style=STATUS_STYLES.get(text, ""))


def printable(text: str) -> str:
    """`text` without characters that could drive the terminal it is shown on."""
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def instant(moment: datetime) -> str:
    """An instant as people read it: UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long, in the largest unit that fits: `3m`, `in 2h`."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return seconds_text(seconds) if seconds >= 0 else f"in {seconds_text(-seconds)}"


def seconds_text(seconds: float | None) -> str:
    """A length of time, short: `0.4s`, `12s`, `3m`, `5h`, `2d`."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def json_text(value: Any) -> str:  # Any: whatever JSON spells
    """JSON on one line, for a cell."""
    import orjson

    return orjson.dumps(value).decode()
