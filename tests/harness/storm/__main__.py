"""`python -m tests.harness.storm`. All else is left to `command`: every forked scheduler loads this module again."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from tests.harness.storm.command import main

    sys.exit(main())
