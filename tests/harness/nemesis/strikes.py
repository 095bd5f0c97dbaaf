"""Lets the faults of a plan strike, each at its step; what one broke is mended before the next one breaks it."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from tests.harness.nemesis.faults import NothingBroken, kinds
from tests.harness.nemesis.plan import SERVER, Plan, Strike
from tests.harness.nemesis.scene import Scene
from tests.harness.nemesis.steps import Steps

EVERYTHING = "everything"
WHOLE_SECONDS = 180.0  # that a history may take to come to a step at all


class Strikes:
    """All faults of one history. `at_work` says how many are at work at this moment."""

    def __init__(self, plan: Plan, steps: Steps) -> None:
        self.struck: Counter[str] = Counter()
        self.at_work = 0
        self._plan = plan
        self._steps = steps
        self._kinds = kinds()
        self._busy: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, scene: Scene) -> None:
        """Returns when the last one is mended."""
        async with asyncio.TaskGroup() as strikes:
            for strike in self._plan.strikes:
                strikes.create_task(self._strike(scene, strike), name=f"{strike.kind} of {strike.target}")

    async def _strike(self, scene: Scene, strike: Strike) -> None:
        await self._steps.reach(strike.at, within=WHOLE_SECONDS)
        actor = None if strike.target == SERVER else scene.cast[strike.target]
        async with self._busy[strike.target if self._plan.overlaps else EVERYTHING]:
            self.at_work += 1
            try:
                async with self._kinds[strike.kind].breaking(scene, actor):
                    await self._steps.reach(strike.until, within=self._plan.size.longest_seconds)
                self.struck[strike.kind] += 1
            except NothingBroken:
                return
            except Exception as error:
                error.add_note(f"while {strike.kind} was at work on {strike.target}")
                raise
            finally:
                self.at_work -= 1
