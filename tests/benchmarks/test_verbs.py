"""What a producer sends: full calls, at the rate that it was told."""

from __future__ import annotations

import os
import signal

from benchmarks.harness import verbs


class Counting:
    """A system that only notes how many tasks each call had, and is told to end after so many calls."""

    def __init__(self, calls: int) -> None:
        self.sizes: list[int] = []
        self._calls = calls

    async def many(self, tasks: int) -> None:
        self.sizes.append(tasks)
        if len(self.sizes) == self._calls:
            os.kill(os.getpid(), signal.SIGTERM)


async def test_a_steady_load_is_sent_in_full_calls_but_for_the_rest() -> None:
    subject = Counting(5)
    await verbs.churn(subject, "20000", "0", "100")  # type: ignore[arg-type]
    *calls, rest = subject.sizes
    assert len(calls) >= 4
    assert set(calls) == {100}
    assert rest <= 100


async def test_without_a_rate_a_call_waits_until_there_is_room_for_all_of_it() -> None:
    subject = Counting(3)
    await verbs.churn(subject, "0", "300", "100")  # type: ignore[arg-type]
    assert subject.sizes == [100] * 3
