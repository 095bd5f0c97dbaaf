"""Results as rows: the figures of each variant, in the order and with the headings of their case."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.case import Case
from benchmarks.harness.figures import FIGURES
from benchmarks.runs import Result


def rows(case: Case, results: Sequence[Result], *, systems: bool) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each result that has figures; columns that nobody has are left out."""
    told = [(result, result.median) for result in results if result.runs]
    columns = [name for name in case.columns if any(name in median for _, median in told)]
    headings = [*(["System"] if systems else []), "", *(FIGURES[name].title for name in columns)]
    return headings, [
        [
            *([result.system] if systems else []),
            result.variant,
            *(FIGURES[name].shown(median[name]) if name in median else "–" for name in columns),
        ]
        for result, median in told
    ]


def table(case: Case, results: Sequence[Result], *, systems: bool) -> Table:
    """For a terminal."""
    headings, body = rows(case, results, systems=systems)
    made = Table(title=case.title, title_justify="left")
    for place, heading in enumerate(headings):
        made.add_column(heading.replace(" (", "\n("), justify="left" if place <= systems else "right", no_wrap=True)
    for row in body:
        made.add_row(*row)
    return made


def markdown(case: Case, results: Sequence[Result], *, systems: bool) -> str:
    """For a page."""
    headings, body = rows(case, results, systems=systems)
    rule = ["---" if place <= systems else "---:" for place in range(len(headings))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (headings, rule, *body))
