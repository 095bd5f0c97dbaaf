"""What figures depend on: the machine, its load, the server and its settings, and the version of rowlock."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.programs import REPOSITORY
from benchmarks.harness.server import rows, scalar

BUSY = 1.0  # load of the machine above which the figures are not worth keeping
QUIET_SECONDS, LOOK_SECONDS = 180, 1  # how long to wait for others to be done, and how often to look
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
# What somebody has set and what may change a figure: not names, paths, formats, locales and logs.
SET = """
SELECT name, current_setting(name) FROM pg_settings
 WHERE source NOT IN ('default', 'override', 'client', 'session', 'environment variable')
   AND category NOT LIKE 'Reporting and Logging %' AND category NOT LIKE '% / Locale and Formatting'
   AND (category NOT LIKE 'Connections and Authentication %' OR name = 'max_connections')
   AND name <> ALL (ARRAY['fsync', 'synchronous_commit', 'full_page_writes', 'dynamic_shared_memory_type'])
 ORDER BY name
"""


def machine(admin_url: str, load_before: float) -> dict[str, Any]:
    """All of it."""
    return {
        "commit": _commit(),
        "load_before": load_before,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": str(scalar(admin_url, "SHOW server_version")),
        "settings": dict(rows(admin_url, SET)),
        "durability": {name: str(scalar(admin_url, f"SHOW {name}")) for name in DURABILITY},
    }


def durable(facts: Mapping[str, Any]) -> bool:
    """Whether nothing that makes a commit last is turned off."""
    return all(value == "on" for value in facts["durability"].values())


def quiet_load(tell: Callable[[str], None], *, within: float = QUIET_SECONDS) -> float:
    """The machine's load once it is no longer busy, or what it is when the patience is over."""
    deadline = time.monotonic() + within
    if (load := os.getloadavg()[0]) > BUSY:
        tell(f"The machine is busy (load {load:.1f}): waiting for it to fall, {within:.0f} s at most.")
    while (load := os.getloadavg()[0]) > BUSY and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    if load > BUSY:
        tell(f"The machine is still busy (load {load:.1f}): the figures will be too low, and are marked so.")
    return load


def _commit() -> str | None:
    """The version of rowlock; none where this is no clone."""
    command = ("git", "describe", "--always", "--dirty")
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
