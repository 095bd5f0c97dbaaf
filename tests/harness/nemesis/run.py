"""`make test-faults`: many histories, a few at once, each in a process of its own; then the figures.

`python -m tests.harness.nemesis --histories 200 --seed 1` plays the seeds from 1 on, `--only 17` plays one of them
again. What was found lies in `build/faults/seed-17`, and the last line says how to replay it. A run of 200 or more that
is clean writes `docs/reliability.json`, from which `python -m tests.docs.generated` makes the page.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path

from pebble import CONSTS, ProcessPool
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from tests.harness.forks import REPOSITORY
from tests.harness.nemesis.faults import kinds_allowed
from tests.harness.nemesis.history import run_history
from tests.harness.nemesis.plan import FULL, SHORT, make_plan
from tests.harness.nemesis.tally import BARS, FIGURES, FULL_RUN, Tally, write_figures
from tests.harness.nemesis.verdict import Verdict, read_verdict
from tests.harness.server_template import ServerTemplate

from rowlock.cli.exit_codes import ExitCode
from rowlock.testing.server_runs import end_in_order_when_told_to

EVIDENCE = REPOSITORY / "build" / "faults"
LONGEST_SECONDS = 420.0
ENDING_SECONDS = 30  # a history that is told to end stops its programs and its server
SHOWN = 10
TOLD_EVERY = 10  # histories, where no bar can show how far it is


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    seeds: range
    at_once: int
    short: bool


def play(seed: int, short: bool, folder: Path, template: Path) -> None:
    """One history, in this process; told to end, it takes along what it has started."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # in place of the pool's, which ends at once
    end_in_order_when_told_to()
    plan = make_plan(seed, kinds_allowed(), SHORT if short else FULL)
    try:
        run_history(plan, folder, ServerTemplate(template))
    except KeyboardInterrupt:
        os._exit(ExitCode.INTERRUPTED)  # or the pool would have it play the next
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # between two histories there is nothing to end in order


def run(wanted: Wanted, console: Console) -> int:
    """Plays all of them; the exit code. One that is interrupted says what it has until then."""
    end_in_order_when_told_to()
    CONSTS.term_timeout = ENDING_SECONDS
    shutil.rmtree(EVIDENCE, ignore_errors=True)
    tally = Tally(wanted.seeds.start)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="rowlock-faults-") as template, _progress(console) as progress:
            bar = progress.add_task("", total=len(wanted.seeds), said="")
            for verdict in _verdicts(wanted, Path(template)):
                tally.add(verdict)
                _report(verdict, wanted, progress.console)
                said = f"{tally.faults.total():,} faults, {tally.tasks:,} tasks, {len(tally.failed)} failed"
                progress.update(bar, advance=1, said=said)
                if not console.is_terminal and tally.histories % TOLD_EVERY == 0:
                    console.print(f"{tally.histories} of {len(wanted.seeds)} histories: {said}", highlight=False)
    except KeyboardInterrupt:
        _conclude(tally, (time.monotonic() - began) / 60, console)
        return ExitCode.INTERRUPTED
    return _conclude(tally, (time.monotonic() - began) / 60, console)


def _verdicts(wanted: Wanted, template: Path) -> Iterator[Verdict]:
    """As they come in. A player plays one history after the other, and is replaced where one does not end."""
    playing: dict[Future[None], int] = {}
    with ProcessPool(wanted.at_once, context=multiprocessing.get_context("spawn")) as players:
        for seed in wanted.seeds:
            arguments = (seed, wanted.short, EVIDENCE / f"seed-{seed}", template)
            playing[players.schedule(play, args=arguments, timeout=LONGEST_SECONDS)] = seed
        try:
            for played in as_completed(playing):
                yield _verdict(playing[played], played.exception())
        except BaseException:
            players.stop()  # or it would play all the others first
            raise


def _verdict(seed: int, error: BaseException | None) -> Verdict:
    folder = EVIDENCE / f"seed-{seed}"
    if error is not None:
        return Verdict(seed, surprises=[f"The history did not come to its end: {type(error).__name__}: {error}."])
    verdict = read_verdict(folder)
    if verdict.clean:
        shutil.rmtree(folder)
    return verdict


def _report(verdict: Verdict, wanted: Wanted, console: Console) -> None:
    if verdict.clean and len(wanted.seeds) > 1:
        return
    struck = ", ".join(f"{kind} ({times})" if times > 1 else kind for kind, times in verdict.faults.items())
    console.print(
        f"Seed {verdict.seed}: {struck}; {verdict.tasks} tasks, {verdict.seconds:.0f} s", markup=False, soft_wrap=True
    )
    findings = verdict.findings()
    for finding in findings[:SHOWN]:
        console.print(f"  {finding}", markup=False, highlight=False, soft_wrap=True)
    if findings:
        more = f", {len(findings) - SHOWN} more findings," if len(findings) > SHOWN else ""
        short = " SHORT=1" if wanted.short else ""
        console.print(f"  Evidence{more} in {EVIDENCE / f'seed-{verdict.seed}'}", markup=False)
        console.print(f"  Replay: make test-faults ONLY={verdict.seed}{short}", markup=False)


def _conclude(tally: Tally, minutes: float, console: Console) -> int:
    figures = tally.figures(minutes)
    write_figures(figures, EVIDENCE / "figures.json")
    console.print(_table(tally))
    console.print(
        f"{tally.histories} histories in {minutes:.1f} minutes, {tally.faults.total():,} faults of {len(tally.faults)} "
        f"kinds, {tally.tasks:,} tasks, {tally.attempts:,} attempts: {tally.lost} lost, {tally.twice} accepted twice, "
        f"{tally.stuck} stuck, {tally.other} other findings."
    )
    complaints = [*tally.slow, *(f"The run falls short of {what}" for what in tally.short_of(minutes))]
    if tally.failed:
        complaints.append(f"Seeds with findings: {', '.join(map(str, sorted(tally.failed)))}")
    for complaint in complaints:
        console.print(f"{complaint}.", style="red", markup=False)
    if not complaints and tally.histories >= FULL_RUN:
        write_figures(figures, FIGURES)
        console.print(f"{FIGURES.relative_to(REPOSITORY)} is written: run python -m tests.docs.generated.")
    return 1 if complaints else 0


def _table(tally: Tally) -> Table:
    table = Table("Recovery", "Measured", "Most", "Allowed")
    for bar in BARS:
        seconds = tally.recovery.get(bar.name, [])
        most = f"{max(seconds):.2f} {bar.unit}" if seconds else "–"
        table.add_row(bar.name, str(len(seconds)), most, f"{bar.most:g} {bar.unit}")
    return table


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)


def wanted_by(arguments: list[str]) -> Wanted:
    parser = argparse.ArgumentParser(prog="make test-faults", description="Breaks rowlock in every way, and checks it.")
    parser.add_argument("--histories", type=int, default=FULL_RUN, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first one's")
    parser.add_argument("--only", type=int, help="replays the history of one seed")
    parser.add_argument("--at-once", type=int, default=2, help="histories that are played at the same time")
    parser.add_argument("--short", action="store_true", help="the size that `make test` plays")
    asked = parser.parse_args(arguments)
    first, number = (asked.seed, asked.histories) if asked.only is None else (asked.only, 1)
    return Wanted(range(first, first + number), asked.at_once, asked.short)
