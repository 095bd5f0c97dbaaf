"""Random rules, zones and starts, compared with an independent implementation: `benchmarks/schedules/` in small."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from random import Random

import pytest
from tests.harness.cron_cases import random_case
from tests.harness.vixie import Vixie

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import next_windows, parse_trigger

SEED, CASES, WINDOWS = "unit", 300, 20
HORIZON = datetime(2150, 1, 1, tzinfo=UTC)


def test_windows_equal_those_of_an_independent_implementation() -> None:
    for number in range(CASES):
        case = random_case(Random(f"{SEED}/{number}"))
        windows = Vixie.read(case.expression).windows_after(case.after, case.zone, until=HORIZON)
        trigger = parse_trigger("cron", case.expression, case.zone, case.after)
        ours = [window for window in next_windows(trigger, case.after, WINDOWS) if window <= HORIZON]
        assert ours == list(islice(windows, WINDOWS)), f"case {number}: {case}"


def test_what_never_comes_comes_never_to_either() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for rule in ("0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 */31 2 1#5", "0 0 31 2 */3"):
        assert list(Vixie.read(rule).windows_after(start, "UTC", until=HORIZON)) == []
        with pytest.raises(InvalidArgument, match="never comes"):
            parse_trigger("cron", rule, "UTC", start)
