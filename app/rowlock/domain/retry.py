"""How long to wait before the next attempt, and whether an error deserves one.

Exponential backoff with full jitter, after Marc Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015: `sleep = random_between(0, min(cap, base * 2 ** n))`. Full jitter spreads
the retries of many tasks that failed at once; `equal` keeps at least half the wait, `none` all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from rowlock.domain.bounds import MAX_DELAY, check_delay, check_max_attempts, shown
from rowlock.domain.errors import InvalidArgument

Jitter = Literal["full", "none", "equal"]


@dataclass(frozen=True)
class RetryPolicy:
    """By default 1, 2, 4 … s before the retries (at most 5 min, jittered), 4 attempts in all."""

    base: timedelta = timedelta(seconds=1)
    factor: float = 2
    cap: timedelta = timedelta(minutes=5)
    jitter: Jitter = "full"
    max_attempts: int = 4
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        check_delay(self.base, field="base")
        check_delay(self.cap, field="cap")
        check_max_attempts(self.max_attempts)
        if self.cap < self.base:
            raise InvalidArgument(
                f"The field cap is {self.cap}, but must not be below base, {self.base}.",
                field="cap",
            )
        if not _is_factor(self.factor):
            raise InvalidArgument(
                f"The field factor is {shown(self.factor)}, but must be a number from 1 on.",
                field="factor",
            )
        if self.jitter not in get_args(Jitter):
            raise InvalidArgument(
                f"The field jitter is {shown(self.jitter)}, but must be full, none or equal.",
                field="jitter",
            )
        _check_error_types(self.retry_on, "retry_on")
        _check_error_types(self.give_up_on, "give_up_on")

    def delay(self, attempt: int, random: Callable[[], float]) -> timedelta:
        """The wait after attempt number `attempt` (1 is the first); `random` gives [0, 1)."""
        ceiling = self._ceiling_seconds(attempt - 1)
        if self.jitter == "full":
            ceiling *= random()
        elif self.jitter == "equal":
            ceiling *= (1 + random()) / 2
        return timedelta(seconds=ceiling)

    def retryable(self, error: BaseException) -> bool:
        """Whether the error is one of `retry_on` and none of `give_up_on`, which has the say."""
        return isinstance(error, self.retry_on) and not isinstance(error, self.give_up_on)

    def _ceiling_seconds(self, retries_made: int) -> float:
        cap = self.cap.total_seconds()
        try:
            return min(cap, self.base.total_seconds() * float(self.factor) ** retries_made)
        except OverflowError:
            return cap if self.base else 0.0


def _is_factor(factor: object) -> bool:
    if isinstance(factor, bool) or not isinstance(factor, int | float):
        return False
    return 1 <= factor <= MAX_DELAY.total_seconds()  # NaN compares false


def _check_error_types(types: object, field: str) -> None:
    if not isinstance(types, tuple) or not all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in types
    ):
        raise InvalidArgument(
            f"The field {field} is {shown(types)}, but must be a tuple of exception classes.",
            field=field,
        )
