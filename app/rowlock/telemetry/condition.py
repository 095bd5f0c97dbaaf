"""How the database has treated one part of the system lately: which of its duties are in trouble, since when, and why.

A duty is what is done again and again: claiming, writing outcomes, beating, firing. Each is in trouble from an error
until it succeeds again, for a read that works says nothing about a disk that is full. The condition says so to health,
to metrics, and, at its beginning and end, to the log. Health and metrics may ask from other threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rowlock.domain.errors import RowlockError
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.database")


@dataclass(frozen=True, slots=True)
class Ailment:
    """What ails: the error's sentence, its kind, and for how many seconds."""

    reason: str
    kind: str
    seconds: float


@dataclass(slots=True)
class _Duty:
    began_at: float
    last_at: float
    reason: str
    kind: str


class Condition:
    """The condition of one part: `worker`, `scheduler`, `api`.

    A part whose duties come only when somebody asks forgets a trouble that was not met for `fades_seconds`.
    """

    def __init__(
        self, part: str, *, fades_seconds: float = float("inf"), monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.part = part
        self._fades_seconds = fades_seconds
        self._monotonic = monotonic
        self._duties: dict[str, _Duty] = {}
        self._ill_since = 0.0
        self._past_seconds = 0.0

    def troubled(self, duty: str, error: RowlockError) -> None:
        """The duty has failed by the database's fault."""
        now = self._monotonic()
        if self._duties and now - self._last_at() >= self._fades_seconds:
            self._end_trouble(self._last_at())
        if not self._duties:
            self._ill_since = now
        former = self._duties.get(duty)
        if former is None:
            log.warning("The database is in trouble; tries go on.", part=self.part, duty=duty, error=error.message)
        self._duties[duty] = _Duty(former.began_at if former else now, now, error.message, error.kind)

    def well(self, *duties: str) -> None:
        """The duties have succeeded, or are nobody's here any more."""
        if not self._duties:
            return
        last_at = self._last_at()
        for duty in duties:
            self._duties.pop(duty, None)
        if not self._duties:
            self._end_trouble(min(self._monotonic(), last_at + self._fades_seconds))

    @property
    def ailments(self) -> tuple[Ailment, ...]:
        """The troubles of all duties, that which has lasted longest first; none where all is well."""
        now = self._monotonic()
        present = [duty for duty in list(self._duties.values()) if now - duty.last_at < self._fades_seconds]
        present.sort(key=lambda duty: duty.began_at)
        return tuple(Ailment(duty.reason, duty.kind, now - duty.began_at) for duty in present)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not well, in sentences, each once."""
        return tuple(dict.fromkeys(ailment.reason for ailment in self.ailments))

    @property
    def seconds_in_trouble(self) -> float:
        """All the time that this part has spent in trouble, the present one included."""
        past, last_at = self._past_seconds, self._last_at()
        if not self._duties:
            return past
        now = self._monotonic()
        return past + (last_at if now - last_at >= self._fades_seconds else now) - self._ill_since

    def _last_at(self) -> float:
        return max((duty.last_at for duty in list(self._duties.values())), default=0.0)

    def _end_trouble(self, at: float) -> None:
        self._duties.clear()
        self._past_seconds += at - self._ill_since
        log.info("The database serves again.", part=self.part, seconds=round(at - self._ill_since, 1))
