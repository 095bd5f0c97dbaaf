"""Runs pgbench, the one that came with the server, and reads what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks.harness.programs import ProgramFailed, clean_environment
from rowlock.store.embedded_binaries import find_binaries

# As a worker tells its connection for claims.
ORDERED_SCANS = "-c enable_bitmapscan=off -c enable_seqscan=off -c enable_sort=off"
_SECONDS = re.compile(r"tps = ([\d.]+)")
_PROCESSED = re.compile(r"actually processed: (\d+)(?:/\d+)?")


@dataclass(frozen=True)
class Bench:
    """What one run of pgbench gave: transactions, how many a second, its own CPU, and each one's seconds."""

    transactions: int
    per_second: float
    cpu_seconds: float
    seconds: list[float]


def pgbench(
    url: str, script: str, folder: Path, *, clients: int, each: int, variables: dict[str, str], options: str = ""
) -> Bench:
    """So many transactions for each client. Raises `ProgramFailed` if one fails."""
    (folder / "script.sql").write_text(script)
    command = [
        str(find_binaries(18, None).path("pgbench")), "--no-vacuum", "--protocol=prepared", f"--client={clients}",
        f"--jobs={min(clients, 2)}", f"--transactions={each}", "--log", f"--log-prefix={folder / 'pgbench'}",
        *(f"--define={name}={value}" for name, value in variables.items()), "--file=script.sql", url,
    ]  # fmt: skip
    before = getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean_environment(), "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    after = getrusage(RUSAGE_CHILDREN)
    processed, rate = _PROCESSED.search(done.stdout), _SECONDS.search(done.stdout)
    if done.returncode or processed is None or rate is None or int(processed[1]) != clients * each:
        raise ProgramFailed(f"pgbench did not do its work: {done.stdout[-500:]} {done.stderr[-1_500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Bench(int(processed[1]), float(rate[1]), cpu, list(_logged(folder)))


def _logged(folder: Path) -> Iterator[float]:
    for log in folder.glob("pgbench.*"):
        for line in log.read_text().splitlines():
            yield int(line.split()[2]) / 1e6
