"""What workers have registered, remembered for a moment: the defaults of tasks, and the schemas of their payloads."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import orjson

from rowlock.engine import inspect
from rowlock.engine.payload_schemas import PayloadSchema
from rowlock.store.database import Database
from rowlock.store.workers import HandlerRecord

REMEMBERED_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.25  # for a name that was not there a moment ago


@dataclass(frozen=True, slots=True)
class Registered:
    """A handler, and the schema of its payloads where it has one."""

    handler: HandlerRecord
    schema: PayloadSchema | None


class HandlerCatalogue:
    """The registered handlers by name. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._handlers: dict[str, Registered] = {}
        self._schemas: dict[bytes, PayloadSchema] = {}

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
            texts = {h.name: orjson.dumps(h.payload_schema) for h in found if h.payload_schema is not None}
            # What has not changed stays compiled.
            self._schemas = {text: self._schemas.get(text) or PayloadSchema(text) for text in texts.values()}
            self._handlers = {h.name: Registered(h, self._schemas.get(texts.get(h.name, b""))) for h in found}
            self._read_at = time.monotonic()
