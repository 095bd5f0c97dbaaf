"""Every operation meets every other: whoever comes first, wherever it stands, and whether it is committed or not.

No deadlock, no state that taking turns could not have led to, and the loser is told the truth.
"""

from __future__ import annotations

import pytest
from tests.races.operations import OPERATIONS
from tests.races.race import Ring, Stop, complaints
from tests.races.scenes import SCENES

MEETINGS = [(kind, name) for kind in SCENES for name, known in OPERATIONS.items() if kind in known.scenes]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("kind", "first"), MEETINGS)
async def test_pairs(shared_ring: Ring, kind: str, first: str) -> None:
    ring = shared_ring
    steps = (await ring.in_turn(kind, first=first)).steps
    stops: list[Stop] = [*range(1, steps + 2)]
    if kind != "free":
        stops.append("before")
    wrong = []
    for second in [name for known, name in MEETINGS if known == kind]:
        for stop in stops:
            wrong += await complaints(ring, kind, first, second, stop)
        wrong += await complaints(ring, kind, first, second, steps + 1, commit=False)
    assert not wrong, "\n".join(wrong)


def test_every_operation_meets_others() -> None:
    assert all(known.scenes and known.scenes <= SCENES.keys() for known in OPERATIONS.values())
    assert len(MEETINGS) >= len(OPERATIONS) >= 30
