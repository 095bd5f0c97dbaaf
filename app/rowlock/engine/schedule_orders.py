"""Carrying out what SQL has asked of schedules: SQL cannot read a rule, so the leader does what the function ordered.

An order is carried out and settled in one transaction that holds its row, so that of two leaders one does it, and one
that wakes up late finds it settled. What cannot be done is settled as refused, with the field and the reason. An order
whose schedule another transaction holds is left for the next round, with those for the same schedule after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowlock.domain.bounds import MAX_NESTING, check_tenant, shown
from rowlock.domain.errors import DatabaseUnavailable, InvalidArgument, InvalidPayload, OutcomeUnknown, RowlockError
from rowlock.domain.payloads import decode_json
from rowlock.domain.trouble import Trouble
from rowlock.engine.admission import Admission
from rowlock.engine.backfill import Backfill, fire_range
from rowlock.engine.schedules import change_schedule, create_schedule
from rowlock.store import schedule_orders as orders
from rowlock.store.connections import Row
from rowlock.store.database import Database
from rowlock.store.links import Link
from rowlock.store.operations import Actor
from rowlock.store.schedule_orders import ScheduleOrder

ORDERS_PER_ROUND = 100
LOCK_TIMEOUT = "100ms"  # the longest that those behind an order wait for a schedule that is locked

_WORDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "text or a whole number": (str, int),
    "a number": (int, float),
    "a whole number": int,
    "true or false": bool,
    "an object": dict,
}
_FIELDS = {
    "cron": "text", "interval_seconds": "a number", "once": "text", "calendar": "text", "timezone": "text",
    "anchor_at": "text", "starts_at": "text", "ends_at": "text", "jitter_seconds": "a number",
    "allow_seconds": "true or false", "missed_run_policy": "text", "max_catch_up": "a whole number",
    "catch_up_window_seconds": "a number", "misfire_grace_seconds": "a number", "overlap_policy": "text",
    "task_name": "text", "payload": "an object", "payload_version": "a whole number", "queue": "text",
    "priority": "text or a whole number", "max_attempts": "a whole number", "timeout_seconds": "a number",
    "paused": "true or false", "since": "text", "until": "text",
}  # fmt: skip
_INSTANTS = frozenset({"anchor_at", "starts_at", "ends_at", "since", "until"})
_CLEARABLE = frozenset({"starts_at", "ends_at", "catch_up_window_seconds", "timeout_seconds"})


@dataclass(slots=True)
class OrdersReport:
    """How many orders were settled, and how many left for the next round."""

    done: int = 0
    refused: int = 0
    left: int = 0


async def carry_out_orders(database: Database) -> OrdersReport:
    """Settles the orders that wait, oldest first, 100 at most. Raises `DatabaseUnavailable`."""
    report = OrdersReport()
    held: set[tuple[str, str]] = set()
    past = -1
    while page := await orders.open_orders(database, past=past, limit=ORDERS_PER_ROUND):
        for order in page:
            if report.done + report.refused == ORDERS_PER_ROUND:
                return report
            schedule = (order.tenant_id, order.schedule)
            if schedule in held or not await _settle(database, order, report):
                held.add(schedule)
                report.left += 1
        past = page[-1].number
    return report


async def _settle(database: Database, order: ScheduleOrder, report: OrdersReport) -> bool:
    """False where the order, or its schedule, is in other hands."""
    try:
        return await _done_or_refused(database, order, report)
    except DatabaseUnavailable as error:
        if error.trouble is Trouble.LOCK_TIMEOUT or error.trouble.lost_race:
            return False
        raise


async def _done_or_refused(database: Database, order: ScheduleOrder, report: OrdersReport) -> bool:
    try:
        done = await _carry_out(database, order)
        report.done += done
    except (DatabaseUnavailable, OutcomeUnknown):
        raise
    except RowlockError as error:
        field = error.detail.get("field")
        told = _wire_name(field) if isinstance(field, str) else None
        done = await orders.settle_order(_Brief(database), order.id, "refused", str(error), field=told)
        report.refused += done
    return done


async def _carry_out(database: Database, order: ScheduleOrder) -> bool:
    """False where somebody else does, or did. Raises what the order is refused for."""
    actor = Actor(order.actor, order.request_id)
    tenant_id = check_tenant(order.tenant_id, field="tenant_id")
    said = {_argument(field): _value(field, value) for field, value in _arguments(order).items()}
    match order.action:
        case "create":
            return await _create(database, order, said, actor)
        case "change":
            return await _change(database, order, said, actor)
        case "backfill":
            # Not in one transaction, for it may be long; what has fired before does not fire again.
            brief, done = _Brief(database), Backfill()
            await fire_range(done, brief, tenant_id, order.schedule, **said, actor=actor)
            told = f"{len(done.fired)} of {done.windows} windows are fired; the others had fired before."
            return await orders.settle_order(brief, order.id, "done", told)


async def _create(database: Database, order: ScheduleOrder, said: dict[str, Any], actor: Actor) -> bool:
    task_name, payload, paused = said.pop("task_name"), said.pop("payload", {}), said.pop("paused", False)
    request = await Admission(database).schedule(order.tenant_id, order.schedule, task_name, payload, **said)
    async with _brief(database) as link:
        if not await orders.hold_order(link, order.id):
            return False
        await create_schedule(link, order.tenant_id, request, actor=actor, paused=paused)
        return await orders.settle_order(link, order.id, "done", f"The schedule {order.schedule} is made.")


async def _change(database: Database, order: ScheduleOrder, said: dict[str, Any], actor: Actor) -> bool:
    said = await Admission(database).schedule_change(order.tenant_id, order.schedule, said)
    limit = database.settings.max_payload_bytes
    async with _brief(database) as link:
        if not await orders.hold_order(link, order.id):
            return False
        await change_schedule(link, order.tenant_id, order.schedule, said, actor=actor, max_payload_bytes=limit)
        return await orders.settle_order(link, order.id, "done", f"The schedule {order.schedule} is changed.")


@asynccontextmanager
async def _brief(database: Database) -> AsyncIterator[Link]:
    """A transaction that waits for no lock but for a moment."""
    async with database.link() as link, link.transaction():
        await link.run("bound_transaction", {"lock_timeout": LOCK_TIMEOUT})
        yield link


@dataclass(frozen=True, slots=True)
class _Brief:
    """Runs each statement in such a transaction of its own."""

    database: Database

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        async with _brief(self.database) as link:
            return await link.run(name, parameters)


def _arguments(order: ScheduleOrder) -> dict[str, Any]:
    """What was asked for. Raises `InvalidArgument`: jsonb holds numbers and depths that no other entrance takes."""
    text = order.arguments.encode()
    try:
        read = decode_json(text, what="order", max_bytes=len(text))
    except InvalidPayload as error:
        raise InvalidArgument(
            f"{error} Send numbers beyond 64 bits as text, and nest at most {MAX_NESTING} levels deep."
        ) from error
    assert isinstance(read, dict)  # a check of the table
    return read


def _value(field: str, value: object) -> Any:  # Any: of the type that its argument has
    """What JSON spells as the argument's type. Raises `InvalidArgument`."""
    if value is None:
        if field in _CLEARABLE:
            return None
        raise InvalidArgument(f"The field {field} cannot be null: leave it out.", field=field)
    if field == "tags":
        if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
            raise InvalidArgument("The field tags must be a list of texts.", field=field)
        return value
    word = _FIELDS[field]
    if not isinstance(value, _WORDS[word]) or (isinstance(value, bool) and word != "true or false"):
        raise InvalidArgument(f"The field {field} is {shown(value)}, but must be {word}.", field=field)
    if field not in _INSTANTS:
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidArgument(
            f"The field {field} is {shown(value)}, but must be an instant: {error}.", field=field
        ) from error


def _argument(field: str) -> str:
    return field.removesuffix("_seconds") if field != "allow_seconds" else field


def _wire_name(argument: str) -> str:
    return f"{argument}_seconds" if f"{argument}_seconds" in _FIELDS else argument
