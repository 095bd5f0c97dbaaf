"""The JSON Schemas that workers registered, held against payloads.

References out of a schema are never followed: a worker's registration must not make others fetch things. A schema that
cannot be used refuses nothing, and the log says so. Each is compiled with its first payload, and the validator is
imported no earlier: most commands never see one.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidPayload
from rowlock.telemetry.logs import get_logger

if TYPE_CHECKING:
    from jsonschema.validators import Draft202012Validator

IN_A_THREAD_FROM = 65_536  # bytes of payload whose validation in one go would hold up other requests

_log = get_logger("rowlock.admission")


class Inline:
    """What one request has had validated in the event loop itself: little, in however many payloads it comes."""

    def __init__(self) -> None:
        self._bytes = 0

    def takes(self, size: int) -> bool:
        """Whether a payload of that size may be, too, and counts it if so."""
        if self._bytes + size >= IN_A_THREAD_FROM:
            return False
        self._bytes += size
        return True


class PayloadSchema:
    """One schema, from its JSON text. Safe to share between tasks and threads."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def check(self, handler: str, payload: dict[str, object], size: int, inline: Inline) -> None:
        """Raises `InvalidPayload` naming the first thing that is refused. `size` is the payload's, in bytes."""
        if "_validator" in vars(self) and inline.takes(size):
            problem = self._first_problem(payload)
        else:
            problem = await asyncio.to_thread(self._first_problem, payload)
        if problem is not None:
            place, reason = problem
            raise InvalidPayload(f"Handler {handler!r} does not take this payload: {place}: {reason}.", field=place)

    @cached_property
    def _validator(self) -> Draft202012Validator | None:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator
        from referencing import Registry

        read = orjson.loads(self._text)
        try:
            Draft202012Validator.check_schema(read)
        except SchemaError as error:
            _log.warning(
                "A handler's payload schema is no JSON Schema, so payloads go unchecked.", reason=error.message
            )
            return None
        return Draft202012Validator(read, registry=Registry())

    def _first_problem(self, payload: dict[str, object]) -> tuple[str, str] | None:
        from referencing.exceptions import Unresolvable

        if self._validator is None:
            return None
        try:
            for error in self._validator.iter_errors(payload):
                place = ".".join(["payload", *(str(part) for part in error.absolute_path)])
                return place, _short(error.message)
        except Unresolvable as error:
            _log.warning("A handler's payload schema refers to what it does not hold.", reason=str(error))
        return None


def _short(message: str) -> str:
    """The library's sentence quotes the value, which may be large."""
    text = message.rstrip(".")
    return text if len(text) <= 300 else f"{shown(text[:70])[1:-1]} … {text[-150:]}"
