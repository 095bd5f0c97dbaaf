"""Jitter: each window fires a little later, by a time that depends on nothing but the window.

So a thousand schedules that are due at midnight do not fire in the same second, and every scheduler,
also after a failover, still agrees on when each of them does. The window itself does not move: it
stays the identity of the run and the cursor's unit. Jitter never carries a window to the next one
or past it, so that windows fire in their order; where the next is nearer than the jitter, the time
up to it takes the jitter's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from rowlock.domain.bounds import EARLIEST, LATEST, duration
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import INSTANT, Trigger

MAX_JITTER = timedelta(days=1)  # to spread load; more is another rule

_DRAW_BITS = 64


@dataclass(frozen=True, slots=True)
class JitteredTrigger(Trigger):
    """The windows of `rule`, each firing up to `jitter` later. `seed` tells schedules apart."""

    rule: Trigger
    jitter: timedelta
    seed: str

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        return self.rule.windows_after(instant)

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        return self.rule.newest_windows(after=after, until=until, n=n)

    def shortest_gap(self, sample: int, /) -> timedelta:
        return self.rule.shortest_gap(sample)

    def describe(self) -> str:
        """The rule's words, then such as `, up to 0:05:00 later`."""
        return f"{self.rule.describe()}, up to {self.jitter} later"

    def fire_at(self, window: datetime) -> datetime:
        following = next(self.rule.windows_after(window), LATEST)
        span = min(self.jitter, following - window)
        return window + (span // INSTANT * self._draw(window) >> _DRAW_BITS) * INSTANT

    def due_until(self, now: datetime) -> datetime:
        newest = self.rule.newest_windows(after=now - self.jitter, until=now, n=1)
        return newest[0] - INSTANT if newest and self.fire_at(newest[0]) > now else now

    def _draw(self, window: datetime) -> int:
        """Even over 64 bits, and the same for ever: `hash()` would differ between processes."""
        text = f"{self.seed}|{(window - EARLIEST) // INSTANT}"
        return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def jittered(rule: Trigger, jitter_seconds: float, seed: str) -> Trigger:
    """`rule` with jitter, or `rule` itself where that is zero. Raises `InvalidArgument`."""
    jitter = duration(jitter_seconds, field="jitter_seconds")
    if not timedelta(0) <= jitter <= MAX_JITTER:
        raise InvalidArgument(
            f"The field jitter_seconds is {jitter_seconds}, but must be 0 to {MAX_JITTER // timedelta(seconds=1)}.",
            field="jitter_seconds",
        )
    return JitteredTrigger(rule, jitter, seed) if jitter else rule
