"""The checker finds every planted bug by the right rule, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.harness.history.check import RULES, check_run
from tests.harness.history.violations import Violation
from tests.harness.planted.bugs import BUGS, Planting, Scenario
from tests.harness.planted.stage import Stage, stage

SCENARIOS = {bug.scenario.__name__: bug.scenario for bug in BUGS.values()}


async def played(
    url: str, folder: Path, scenario: Scenario, plant: Callable[[Stage], Planting] | None = None
) -> list[Violation]:
    async with AsyncExitStack() as blocks:
        here = await blocks.enter_async_context(stage(url, folder))
        if plant is not None:
            planted = plant(here)
            if hasattr(planted, "__aenter__"):
                await blocks.enter_async_context(planted)
            else:
                blocks.enter_context(planted)
        await scenario(here)
    return check_run(folder, url)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_without_a_bug_is_clean(database_url: str, tmp_path: Path, name: str) -> None:
    assert [str(found) for found in await played(database_url, tmp_path, SCENARIOS[name])] == []


@pytest.mark.parametrize("name", BUGS)
async def test_a_planted_bug_is_caught(database_url: str, tmp_path: Path, name: str) -> None:
    bug = BUGS[name]
    found = await played(database_url, tmp_path, bug.scenario, bug.plant)
    assert bug.caught_by in {one.rule for one in found}, "\n".join(str(one) for one in found)


def test_every_rule_has_caught_a_bug() -> None:
    assert {rule.__name__ for rule in RULES} <= {bug.caught_by for bug in BUGS.values()}
