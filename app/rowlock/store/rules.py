"""Rules of schedules as rows hold them. Reading one costs more than looking at it, so what was read is kept."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

from rowlock.domain.bounds import EARLIEST
from rowlock.domain.triggers import COUNTED_KINDS, Trigger, TriggerKind, parse_trigger


class RuleRow(Protocol):
    """What of a schedule's row its rule is made from."""

    @property
    def id(self) -> UUID: ...
    @property
    def trigger_kind(self) -> TriggerKind: ...
    @property
    def expression(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def anchor_at(self) -> datetime: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def jitter_seconds(self) -> int: ...


class _Rule(NamedTuple):
    kind: TriggerKind
    expression: str
    timezone: str
    anchor: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    seed: str


def stored_trigger(row: RuleRow) -> Trigger:
    """The rule of a row; raises `InvalidArgument` where this version or host cannot read it.

    Schedules that share a rule share the trigger: what a rule does not depend on is left out.
    """
    return _read(
        _Rule(
            row.trigger_kind,
            row.expression,
            row.timezone,
            row.anchor_at if row.trigger_kind in COUNTED_KINDS else EARLIEST,
            row.starts_at,
            row.ends_at,
            row.jitter_seconds,
            str(row.id) if row.jitter_seconds else "",
        )
    )


@lru_cache(maxsize=16_384)
def _read(rule: _Rule) -> Trigger:
    return parse_trigger(
        rule.kind,
        rule.expression,
        rule.timezone,
        rule.anchor,
        starts_at=rule.starts_at,
        ends_at=rule.ends_at,
        jitter_seconds=rule.jitter_seconds,
        seed=rule.seed,
    )
