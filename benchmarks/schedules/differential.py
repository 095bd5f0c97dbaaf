"""Random cron rules, zones and starts: do rowlock's windows equal those of an independent implementation?

python -m benchmarks.schedules.differential [--cases 20000] [--seed 1] [--first 0] [--windows 50]

Prints the disagreements and ends with status 1 if there are any. The case numbered n of a seed is the same whatever
slice it is run in, so a long run may be cut into slices by --first and --cases.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from random import Random

from tests.harness.cron_cases import CronCase, random_case
from tests.harness.vixie import Vixie

from rowlock.domain.bounds import LATEST
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import next_windows, parse_trigger

SHOWN = 10  # examples of disagreements
HORIZON = datetime(2400, 1, 1, tzinfo=UTC)  # rarer rules are compared by fewer windows


def verdict(case: CronCase, windows: int) -> tuple[str, list[datetime], list[datetime]]:
    """`equal`, `never` (both know no window) or `DIFFERENT`, and the windows of either."""
    theirs = list(islice(Vixie.read(case.expression).windows_after(case.after, case.zone, until=HORIZON), windows))
    try:
        trigger = parse_trigger("cron", case.expression, case.zone, case.after)
    except InvalidArgument as error:
        return ("DIFFERENT" if theirs or "never comes" not in error.message else "never"), [], theirs
    ours = [window for window in next_windows(trigger, case.after, windows) if window <= min(HORIZON, LATEST)]
    return ("equal" if ours == theirs else "DIFFERENT"), ours, theirs


def main() -> None:
    arguments = argparse.ArgumentParser(description="Compare cron windows with an independent implementation.")
    arguments.add_argument("--cases", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--first", type=int, default=0, help="number of the first case")
    arguments.add_argument("--windows", type=int, default=50, help="windows compared in each case")
    chosen = arguments.parse_args()

    began = time.monotonic()
    found: Counter[str] = Counter()
    compared = 0
    for number in range(chosen.first, chosen.first + chosen.cases):
        case = random_case(Random(f"{chosen.seed}/{number}"))
        outcome, ours, theirs = verdict(case, chosen.windows)
        found[outcome] += 1
        compared += len(theirs)
        if outcome == "DIFFERENT" and found[outcome] <= SHOWN:
            nth = next((n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), None)
            print(f"case {number}: {case.expression!r} in {case.zone} after {case.after}")
            print(f"  at window {nth}: {ours[nth or 0 :][:2]} instead of {theirs[nth or 0 :][:2]}")
    print(
        f"{chosen.cases} cases from {chosen.first} on, seed {chosen.seed}: {found['DIFFERENT']} disagreements;"
        f" {found['equal']} equal in {compared} windows, {found['never']} never come;"
        f" {time.monotonic() - began:.0f} s"
    )
    sys.exit(1 if found["DIFFERENT"] else 0)


if __name__ == "__main__":
    main()
