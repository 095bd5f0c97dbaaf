"""`python -m benchmarks [CASE…] [--peers] [--runs N] [--scale quick|full|long]`: runs cases and writes `build/bench`.

The exit code is 1 when a run was unsound or a program failed: such a run has no figures.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.case import Case, Scale, Variant
from benchmarks.cases.catalogue import CASES
from benchmarks.harness.figures import Measured
from benchmarks.harness.server import BenchServer, bench_server
from benchmarks.machine import durable, machine, quiet_load
from benchmarks.peers.catalogue import PEERS, installed
from benchmarks.results import FOLDER, save
from benchmarks.runs import Result, run_case
from benchmarks.systems import System, rowlock
from benchmarks.tables import table

Keep = Callable[[Result], object]
WIDE = 220  # for a log; a terminal has a width of its own
console = Console(width=None if sys.stdout.isatty() else WIDE)
SCALES = "quick: tiny, to see that all works. long: what takes minutes is repeated too, and takes longer."


def main(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]...", help=f"Of {', '.join(CASES)}; all without.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=100, help="How often each is run; medians are shown.")] = 3,
    scale: Annotated[Scale, typer.Option(help=SCALES)] = "full",
    peers: Annotated[bool, typer.Option("--peers", help="Beside the peers: what all can do.")] = False,
    only: Annotated[str | None, typer.Option(metavar="A,B", help="With --peers: these alone.")] = None,
) -> None:
    """Run benchmarks on a server of their own."""
    chosen = _chosen(cases, comparing=peers)
    systems = [rowlock(), *_peers(only)] if peers else [rowlock()]
    load = os.getloadavg()[0] if scale == "quick" else quiet_load(_warn)
    with bench_server() as server:
        facts = machine(server.admin_url, load)
        if not durable(facts):
            raise typer.BadParameter(f"The server gives up durability, and so no figure counts: {facts['durability']}.")
        keep = partial(save, "peers" if peers else "rowlock", scale, facts)
        failed = _run(server, chosen, scale, systems, runs=runs, keep=keep)
    raise typer.Exit(1 if failed else 0)


def _warn(text: str) -> None:
    console.print(text, style="yellow", markup=False)


def _run(
    server: BenchServer, cases: list[Case], scale: Scale, systems: list[System], *, runs: int, keep: Keep
) -> list[str]:
    failures: list[str] = []
    for case in cases:
        results = _with_progress(server, case, scale, systems, runs=runs, keep=keep)
        console.print(table(case, results, systems=len(systems) > 1))
        sentences = [f"{result.system}, {result.variant}: {text}" for result in results for text in result.failures]
        for sentence in sentences:
            console.print(sentence, style="red", markup=False)
        failures += sentences
        console.print(f"Written to {FOLDER}", style="dim")
    return failures


def _with_progress(
    server: BenchServer, case: Case, scale: Scale, systems: list[System], *, runs: int, keep: Keep
) -> list[Result]:
    """Runs a case, and keeps what there is after each run, so that what ends later takes nothing with it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    variants = case.variants(scale, systems)
    total = sum(1 if variant.once and scale != "long" else runs for variant in variants)
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(case.title, total=total)

        def tell(variant: Variant, turn: int, seconds: float, measured: Measured | None, result: Result) -> None:
            figures = measured.figures if measured else {}
            rate = f"{figures['rate']:,.0f} tasks/s" if "rate" in figures else "done" if measured else "failed"
            keep(result)
            progress.update(bar, advance=1)
            progress.console.print(
                f"{case.name} {turn + 1}: {variant.system.name}, {variant.name}: {rate} ({seconds:.0f} s)", style="dim"
            )

        return run_case(server, case, scale, systems, runs=runs, tell=tell)


def _chosen(names: list[str] | None, *, comparing: bool) -> list[Case]:
    unknown = set(names or ()) - CASES.keys()
    if unknown:
        raise typer.BadParameter(f"There is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}.")
    alone = [name for name in names or () if comparing and not CASES[name].compares]
    if alone:
        able = ", ".join(case.name for case in CASES.values() if case.compares)
        raise typer.BadParameter(f"Others do not do what {', '.join(alone)} measures; beside them run {able}.")
    every = [case for case in CASES.values() if case.compares or not comparing]
    return [case for case in every if not names or case.name in names]


def _peers(only: str | None) -> list[System]:
    if not installed():
        raise typer.BadParameter("The peers are not installed: make bench-peers does that.")
    wanted = {name.strip().lower() for name in only.split(",")} if only else None
    found = [peer for peer in PEERS if wanted is None or peer.name.lower() in wanted]
    if wanted and len(found) < len(wanted):
        raise typer.BadParameter(f"The peers are {', '.join(peer.name for peer in PEERS)}.")
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that servers and programs end with it
    typer.run(main)
