"""What a model may enqueue: the registered handler fills in what was left out, and its schema holds the payload.

A handler may be unknown, for a task can be enqueued before its worker is deployed; a strict installation refuses that.
References out of a schema are never followed.
"""

from __future__ import annotations

from typing import Any

from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from rowlock.domain.errors import InvalidPayload, UnknownHandler, UnknownQueue
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine import inspect
from rowlock.engine.queue_board import QueueBoard
from rowlock.store.database import Database
from rowlock.store.workers import HandlerRecord
from rowlock.telemetry.logs import get_logger

LONGEST_QUOTE = 300  # of a validator's sentence, which quotes the value

_log = get_logger("rowlock.mcp")


async def admit(
    database: Database, board: QueueBoard, tenant_id: str, name: str, payload: dict[str, Any], **said: Any
) -> TaskRequest:
    """The request; `said` are arguments of `task_request`, of which those that are None take the handler's default.

    Raises `InvalidArgument`, `InvalidPayload`, `PayloadTooLarge`, `UnknownHandler` or `UnknownQueue`.
    """
    handler = next(iter(await inspect.list_handlers(database, {name})), None)
    chosen = {**_defaults(handler), **{key: value for key, value in said.items() if value is not None}}
    request = task_request(name, payload, **chosen, max_payload_bytes=database.settings.max_payload_bytes)
    if handler is not None:
        _hold_to_schema(handler, payload)
    if database.settings.strict:
        if handler is None:
            raise UnknownHandler(f"No worker has registered a handler named {name!r}.", field="name")
        if not await board.is_declared(tenant_id, request.queue):
            raise UnknownQueue(f"Nobody has declared the queue {request.queue!r}.", field="queue")
    return request


def _defaults(handler: HandlerRecord | None) -> dict[str, Any]:
    if handler is None:
        return {}
    return {
        "queue": handler.queue,
        "priority": handler.priority,
        "max_attempts": handler.max_attempts,
        "timeout": handler.timeout_seconds,
        "payload_version": handler.payload_version,
    }


def _hold_to_schema(handler: HandlerRecord, payload: dict[str, Any]) -> None:
    if handler.payload_schema is None:
        return
    try:
        Draft202012Validator.check_schema(handler.payload_schema)
        validator = Draft202012Validator(handler.payload_schema, registry=Registry())
        flaw = next(validator.iter_errors(payload), None)
    except (SchemaError, Unresolvable) as error:
        _log.warning("A handler's payload schema cannot be used.", handler=handler.name, reason=str(error))
        return
    if flaw is not None:
        place = ".".join(["payload", *(str(part) for part in flaw.absolute_path)])
        raise InvalidPayload(
            f"Handler {handler.name!r} does not take this payload: {place}: {flaw.message[:LONGEST_QUOTE]}.",
            field=place,
        )
