"""A loop that is blocked is found out from another thread."""

from __future__ import annotations

import asyncio
import threading

from tests.harness.eventually import eventually, eventually_sync

from rowlock.telemetry.turning import Turning


async def test_a_blocked_loop_is_found_out_and_one_that_turns_again_is_forgiven() -> None:
    turning = Turning(0.05, look_seconds=0.01)
    assert turning.turns
    seen = threading.Event()

    def look() -> None:
        eventually_sync(lambda: not turning.turns)
        seen.set()

    with turning:
        await asyncio.sleep(0)
        assert turning.turns
        looking = threading.Thread(target=look)
        looking.start()
        seen.wait()  # blocks the loop, which is the point
        await eventually(lambda: turning.turns)
        looking.join()
    assert turning.turns
