"""`python -m tests.harness.nemesis`; a module of its own, which the programs of a history need not load."""

from __future__ import annotations

import sys

from rich.console import Console
from tests.harness.nemesis.run import run, wanted_by

if __name__ == "__main__":
    sys.exit(run(wanted_by(sys.argv[1:]), Console()))
