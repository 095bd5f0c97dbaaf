"""Short histories: everything runs, something is broken every second, and the history checker finds nothing.

`make test-faults` plays long ones by the hundred. What a history here finds can be played again by its seed, as its
message says.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.harness.history.events import read_events
from tests.harness.nemesis.faults import kinds_allowed
from tests.harness.nemesis.history import run_history
from tests.harness.nemesis.plan import SHORT, make_plan
from tests.harness.server_template import ServerTemplate

SEEDS = range(1, 13)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_twice_or_stuck(seed: int, tmp_path: Path, server_template: ServerTemplate) -> None:
    verdict = run_history(make_plan(seed, kinds_allowed(), SHORT), tmp_path / "history", server_template)
    findings = "\n".join(verdict.findings())
    assert verdict.clean, f"{findings}\nReplay: make test-faults ONLY={seed} SHORT=1. Evidence: {tmp_path / 'history'}"
    assert verdict.faults
    assert verdict.tasks > 50
    events = read_events(tmp_path / "history" / "history").events
    assert {"enqueue", "claim", "run", "step", "finish", "fire"} <= {event.operation for event in events}


def test_the_seeds_cover_most_kinds() -> None:
    struck = {strike.kind for seed in SEEDS for strike in make_plan(seed, kinds_allowed(), SHORT).strikes}
    assert len(struck) >= 24


def test_a_seed_replays_its_history() -> None:
    one, other = (make_plan(7, kinds_allowed(), SHORT) for _ in range(2))
    assert one.strikes == other.strikes
    assert [_told(act) for act in one.script.acts["sql"]] == [_told(act) for act in other.script.acts["sql"]]


def _told(act: object) -> str:
    """An act without the part of its tasks' ids that is the time of day."""
    import re

    return re.sub(r"UUID\('[0-9a-f]{8}-[0-9a-f]{4}-", "", repr(act))
