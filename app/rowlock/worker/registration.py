"""How a worker makes itself and its handlers known in the database."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from secrets import token_hex

from rowlock import __version__
from rowlock.config import Settings
from rowlock.handlers.handler import Handler
from rowlock.store import workers
from rowlock.store.database import Database
from rowlock.store.workers import HandlerRecord


def expires_seconds(settings: Settings) -> float:
    """How long a worker's row is good for without a heartbeat: a lease, or four missed beats, whichever is longer."""
    return max(settings.lease_seconds, 4 * settings.heartbeat_seconds)


def worker_name() -> str:
    """A name for people, unique enough: host, pid, and a suffix for workers that share a process."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(2)}"


async def register(database: Database, settings: Settings, name: str, queues: Sequence[str]) -> tuple[int, bool]:
    """Enters the worker; its number, and whether all workers that live know of claims in place."""
    return await workers.register_worker(
        database,
        name=name,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        queues=list(queues),
        concurrency=settings.concurrency,
        expires_seconds=expires_seconds(settings),
    )


async def register_handlers(database: Database, handlers: Iterable[Handler]) -> None:
    """Enters the handlers with their defaults and the schemas of their payloads, where they have one."""
    await workers.register_handlers(
        database,
        [
            (
                HandlerRecord(
                    name=handler.name,
                    queue=handler.queue,
                    priority=int(handler.priority),
                    max_attempts=handler.max_attempts,
                    timeout_seconds=handler.timeout.total_seconds() if handler.timeout else None,
                    payload_version=handler.payload_version,
                    payload_schema=None,
                    executor=handler.executor,
                    description=handler.description,
                    expires_in_seconds=handler.expires_in.total_seconds() if handler.expires_in else None,
                    oldest_payload_version=handler.payloads.oldest,
                ),
                handler.arguments.schema(),
            )
            for handler in handlers
        ],
    )
