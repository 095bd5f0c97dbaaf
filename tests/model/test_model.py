"""The engine keeps to the reference, whatever happens in whatever order: `tests/model/reference.py` says what that is.

`make test` tries the same examples each time, `make test-model EXAMPLES=1000` as many new ones. A failure prints the
steps that lead to it.
"""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.model.machine import Installation
from tests.model.world import World

EXAMPLES = int(os.environ.get("ROWLOCK_MODEL_EXAMPLES", "0"))
STEPS = 40


@pytest.mark.all_partitions
@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_the_engine_keeps_to_the_reference(database_url: str) -> None:
    with asyncio.Runner() as runner:
        world = World.on(database_url, runner)
        try:
            run_state_machine_as_test(
                lambda: Installation(world),
                settings=settings(
                    max_examples=EXAMPLES or 25,
                    stateful_step_count=STEPS,
                    derandomize=not EXAMPLES,
                    database=None,
                    deadline=None,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                    phases=(Phase.generate, Phase.shrink),
                    report_multiple_bugs=False,
                ),
            )
        finally:
            world.close()
