"""What workers have registered, remembered for a moment: defaults of tasks, and validators of their payloads.

A schema is compiled once for as long as it does not change. References out of a schema are never followed: a worker's
registration must not make the API fetch things.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import orjson
from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidPayload
from rowlock.engine import inspect
from rowlock.store.database import Database
from rowlock.store.workers import HandlerRecord
from rowlock.telemetry.logs import get_logger

REMEMBERED_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.25  # for a name that was not there a moment ago
IN_A_THREAD_FROM = 65_536  # bytes of payload whose validation would hold up other requests

_log = get_logger("rowlock.api")


@dataclass(frozen=True, slots=True)
class Registered:
    """A handler, and the validator of its payloads where it has a usable schema."""

    handler: HandlerRecord
    validator: Draft202012Validator | None


class HandlerCatalogue:
    """The registered handlers by name. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._handlers: dict[str, Registered] = {}
        self._validators: dict[bytes, Draft202012Validator | None] = {}

    async def get(self, name: str, *, or_refuse: bool = False) -> Registered | None:
        """The handler of that name, as registered a few seconds ago or since. With `or_refuse` one that is missing is
        looked for once more: a worker that has just started must not be denied."""
        await self._refresh(older_than=REMEMBERED_SECONDS)
        if name not in self._handlers:
            await self._refresh(older_than=0 if or_refuse else LOOK_AGAIN_SECONDS)
        return self._handlers.get(name)

    async def queues(self) -> set[str]:
        """The queues that handlers name."""
        await self._refresh(older_than=REMEMBERED_SECONDS)
        return {registered.handler.queue for registered in self._handlers.values()}

    async def _refresh(self, *, older_than: float) -> None:
        if time.monotonic() - self._read_at < older_than:
            return
        async with self._reading:
            if time.monotonic() - self._read_at < older_than:
                return
            found = await inspect.list_handlers(self._database)
            schemas = {h.name: orjson.dumps(h.payload_schema) for h in found if h.payload_schema is not None}
            self._validators = {s: self._validator(s) for s in set(schemas.values())}
            self._handlers = {h.name: Registered(h, self._validators.get(schemas.get(h.name, b""))) for h in found}
            self._read_at = time.monotonic()

    def _validator(self, schema: bytes) -> Draft202012Validator | None:
        if schema in self._validators:
            return self._validators[schema]
        read = orjson.loads(schema)
        try:
            Draft202012Validator.check_schema(read)
        except SchemaError as error:
            _log.warning(
                "A handler's payload schema is no JSON Schema, so payloads go unchecked.", reason=error.message
            )
            return None
        return Draft202012Validator(read, registry=Registry())


async def check_payload(registered: Registered, payload: dict[str, object], size: int) -> None:
    """Raises `InvalidPayload` naming the first thing that the handler's schema refuses."""
    if registered.validator is None:
        return
    if size >= IN_A_THREAD_FROM:
        problem = await asyncio.to_thread(_first_problem, registered.validator, payload)
    else:
        problem = _first_problem(registered.validator, payload)
    if problem is not None:
        place, reason = problem
        raise InvalidPayload(
            f"Handler {registered.handler.name!r} does not take this payload: {place}: {reason}.", field=place
        )


def _first_problem(validator: Draft202012Validator, payload: dict[str, object]) -> tuple[str, str] | None:
    try:
        for error in validator.iter_errors(payload):
            place = ".".join(["payload", *(str(part) for part in error.absolute_path)])
            return place, _short(error.message)
    except Unresolvable as error:
        _log.warning("A handler's payload schema refers to what it does not hold.", reason=str(error))
    return None


def _short(message: str) -> str:
    """The library's sentence quotes the value, which may be large."""
    text = message.rstrip(".")
    return text if len(text) <= 300 else f"{shown(text[:70])[1:-1]} … {text[-150:]}"
