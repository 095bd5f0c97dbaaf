"""Orders that SQL has placed for schedules, which the leader carries out and settles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class ScheduleOrder:
    """One order. `arguments` are JSON, in the names of the REST API; `number` tells the order of orders."""

    id: UUID
    tenant_id: str
    schedule: str
    action: Literal["create", "change", "backfill"]
    arguments: str
    actor: str
    request_id: str | None
    number: int


async def open_orders(runner: Runner, *, past: int, limit: int) -> list[ScheduleOrder]:
    """At most `limit` orders that wait, oldest first, those past a number."""
    rows = await runner.run("open_schedule_orders", {"past": past, "limit": limit})
    return [ScheduleOrder(*row) for row in rows]


async def hold_order(runner: Runner, order_id: UUID) -> bool:
    """Takes an order in hand until the transaction ends; False where another has it, or it is settled."""
    return bool(await runner.run("hold_schedule_order", {"id": order_id}))


async def settle_order(
    runner: Runner,
    order_id: UUID,
    outcome: Literal["done", "refused"],
    explanation: str,
    *,
    field: str | None = None,
) -> bool:
    """Says what became of an order; False where it was settled already."""
    told = {"id": order_id, "outcome": outcome, "explanation": explanation, "field": field}
    return bool(await runner.run("settle_schedule_order", told))


async def forget_orders(runner: Runner, *, days: int, limit: int) -> int:
    """Forgets at most `limit` orders that were settled so many days ago; how many."""
    return len(await runner.run("forget_schedule_orders", {"days": days, "limit": limit}))
