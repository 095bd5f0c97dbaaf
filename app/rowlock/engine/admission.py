"""What callers may enqueue who hold no Python handler: REST, the command line, models.

The registered handler fills in what was left out, its schema holds the payload, and a strict installation refuses
handlers and queues that nobody has declared. Without strictness a handler may be unknown, for a task can be enqueued
before its worker is deployed.

What was taken under an idempotency key is not judged again: its repetition is answered with its task, whatever has
been declared since. The key is looked up only where the request would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rowlock.domain.bounds import check_key
from rowlock.domain.errors import InvalidPayload, UnknownHandler, UnknownQueue
from rowlock.domain.payloads import encode_json
from rowlock.domain.requests import TaskRequest, task_request, with_defaults
from rowlock.engine.catalogue import HandlerCatalogue, Registered
from rowlock.engine.payload_schemas import Inline
from rowlock.store import counts
from rowlock.store.database import Database
from rowlock.store.keyed_tasks import has_idempotency_key
from rowlock.store.reading import Reading

if TYPE_CHECKING:
    from rowlock.domain.schedule_requests import ScheduleRequest

Payload = dict[str, Any]  # Any: whatever JSON spells
NOTHING: Mapping[str, int] = MappingProxyType({})


class Admission:
    """The rule for one installation. Safe to share between tasks of one event loop.

    All of it raises `InvalidArgument` and its kinds: `InvalidPayload`, `PayloadTooLarge`, `UnknownHandler`,
    `UnknownQueue`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settings = database.settings
        self._handlers = HandlerCatalogue(database)

    async def task(
        self, tenant_id: str, name: str, payload: Payload, *, inline: Inline | None = None, **said: Any
    ) -> TaskRequest:
        """The request; `said` are arguments of `task_request`, of which those that are None were left out, as were tags
        where there are none: no handler that is registered has any to fill in. Who asks for many at once hands the same
        `inline` to each call, so that they do not hold up others together."""
        said["tags"] = said.get("tags") or None
        registered, encoded = await self._admitted(
            tenant_id,
            name,
            said.get("queue"),
            payload,
            version=said.get("payload_version"),
            key=said.get("idempotency_key"),
            inline=inline,
        )
        if said.get("idempotency_key") is not None and said.get("idempotency_ttl") is None:
            said["idempotency_ttl"] = timedelta(hours=self._settings.idempotency_hours)
        own = {"expires_in": registered.handler.expires_in_seconds} if registered else {}
        return task_request(name, encoded, **with_defaults({**_defaults(registered), **own}, _given(said)))

    async def schedule(
        self, tenant_id: str, name: str, task_name: str, payload: Payload, **said: Any
    ) -> ScheduleRequest:
        """The same for a schedule, whose tasks these will be; `said` are arguments of `schedule_request`."""
        from rowlock.domain.schedule_requests import schedule_request  # brings calendars, which tasks do without

        registered, encoded = await self._admitted(
            tenant_id, task_name, said.get("queue"), payload, version=said.get("payload_version")
        )
        return schedule_request(name, task_name, payload=encoded, **{**_defaults(registered), **_given(said)})

    async def schedule_change(
        self, tenant_id: str, name: str, changes: Mapping[str, Any], *, declared: Mapping[str, int] = NOTHING
    ) -> dict[str, Any]:
        """Refuses changes of a schedule by which its tasks could not be enqueued. Raises `NotFound` too.

        Returns them, with the payload's version where that changes with payload or handler: to the handler's as the
        caller has it `declared`, or as it is registered; where it is neither, the version stays.
        """
        if not changes.keys() & {"task_name", "queue", "payload", "payload_version"}:
            return dict(changes)
        from rowlock.engine.schedules import get_schedule  # brings calendars, as above

        seen = await get_schedule(self._database, tenant_id, name)
        task_name, queue, payload = (
            changes.get(field, getattr(seen, field)) for field in ("task_name", "queue", "payload")
        )
        version = changes.get("payload_version")
        if version is None:
            version = declared.get(task_name) if changes.keys() & {"task_name", "payload"} else seen.payload_version
        registered, _ = await self._admitted(tenant_id, task_name, queue, payload, version=version)
        if version is None:
            version = registered.handler.payload_version if registered else seen.payload_version
        return {**changes, "payload_version": version} if version != seen.payload_version else dict(changes)

    async def _admitted(
        self,
        tenant_id: str,
        name: str,
        queue: str | None,
        payload: Payload,
        *,
        version: int | None = None,
        key: str | None = None,
        inline: Inline | None = None,
    ) -> tuple[Registered | None, str]:
        """The handler, if there is one, and the payload as JSON text."""
        registered = await self._handlers.get(name, or_refuse=self._settings.strict)
        encoded = encode_json(payload, what="payload", max_bytes=self._settings.max_payload_bytes)
        try:
            if self._settings.strict:
                await self._refuse_unknown(tenant_id, name, queue, registered)
            await _check(registered, name, payload, len(encoded), inline or Inline(), version=version)
        except (UnknownHandler, UnknownQueue, InvalidPayload):
            if key is None or not await self._has_taken(tenant_id, key):
                raise
        return registered, encoded.decode()

    async def _has_taken(self, tenant_id: str, key: str) -> bool:
        return await has_idempotency_key(Reading(self._database), tenant_id, check_key("idempotency_key", key))

    async def _refuse_unknown(
        self, tenant_id: str, name: str, queue: str | None, registered: Registered | None
    ) -> None:
        if registered is None:
            raise UnknownHandler(f"No worker has registered a handler named {name!r}.", field="name")
        await self._refuse_undeclared(tenant_id, registered.handler.queue if queue is None else queue)

    async def _refuse_undeclared(self, tenant_id: str, queue: str) -> None:
        if queue in await self._handlers.queues():
            return
        here = Reading(self._database)
        if any(row.name == queue for row in await counts.get_queue_rows(here, tenant_id)):
            return
        if queue not in await counts.get_queue_servers(here):
            raise UnknownQueue(
                f"Nobody has declared the queue {queue!r}: no handler names it, no live worker takes from it, "
                "and nothing is set for it.",
                field="queue",
            )


async def _check(
    registered: Registered | None, name: str, payload: Payload, size: int, inline: Inline, *, version: int | None
) -> None:
    """Holds the payload against its handler's schema, which is that of the handler's own version only."""
    if (
        registered is not None
        and registered.schema is not None
        and version in (None, registered.handler.payload_version)
    ):
        await registered.schema.check(name, payload, size, inline)


def _given(said: dict[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in said.items() if value is not None}


def _defaults(registered: Registered | None) -> dict[str, Any]:
    if registered is None:
        return {}
    handler = registered.handler
    return {
        "queue": handler.queue,
        "priority": handler.priority,
        "max_attempts": handler.max_attempts,
        "timeout": handler.timeout_seconds,
        "payload_version": handler.payload_version,
    }
