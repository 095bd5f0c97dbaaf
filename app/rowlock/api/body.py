"""Bodies: strict JSON into strict models, bounded while they stream in.

A body that is too large is refused by its Content-Length before a byte is read, or else as soon as the bound is passed.
JSON is read by the domain's rules (no NaN, no NUL, no lone surrogates, bounded depth) and, since the text itself is at
hand here, without repeated keys, which two readers might take for different values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, Protocol, TypeVar

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rowlock.api.problems import MAX_ERRORS, invalid
from rowlock.api.refusals import MalformedBody, UnsupportedMediaType
from rowlock.api.services import services_of
from rowlock.config import Settings
from rowlock.domain.bounds import MAX_NESTING, shown
from rowlock.domain.errors import InvalidPayload, PayloadTooLarge
from rowlock.domain.payloads import decode_json

ModelT = TypeVar("ModelT", bound="WireModel")
NESTING = MAX_NESTING + 8  # a payload lies a few levels deep in its body, and is measured again by itself

_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json", re.IGNORECASE)
_KEY = re.compile(rb'"[ \t\n\r]*:')


class WireModel(BaseModel):
    """A body's shape: unknown fields are refused, and nothing is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def trim(cls, body: dict[str, Any], _settings: Settings) -> int:
        """Cuts what makes a body costly to refuse and not acceptable; how many wrong fields that were.

        pydantic takes a microsecond and a kilobyte for each field that is wrong, and a body has room for a million.
        """
        return max(0, drop_unknown(cls, body, MAX_ERRORS) - MAX_ERRORS)


def drop_unknown(model: type[BaseModel], value: dict[str, Any], most: int) -> int:
    """Takes the model's unknown fields out of an object, but for the first `most`; how many there were."""
    known = value.keys() & model.model_fields.keys()
    unknown = len(value) - len(known)
    if unknown > most:
        shown_ones = islice((name for name in value if name not in known), most)
        kept = {name: value[name] for name in (*known, *shown_ones)}
        value.clear()
        value.update(kept)
    return unknown


class BodyReader(Protocol):
    """A dependency that reads a body; OpenAPI describes the body by `body_model`."""

    body_model: type[BaseModel]
    body_required: bool


def json_body(model: type[ModelT], *, required: bool = True) -> Any:  # Any: as FastAPI's own Depends
    """Dependency: the request's body as `model`. Where none is required, an empty one gives the model's defaults."""
    return Depends(body_reader(model, required=required))


def body_reader(model: type[ModelT], *, required: bool = True) -> Callable[[Request], Awaitable[ModelT]]:
    """What `json_body` depends on."""
    adapter = TypeAdapter(model)

    async def read(request: Request) -> ModelT:
        text = await _read(request)
        if not text:
            if required:
                raise MalformedBody("The request has no body. Send a JSON object.")
            text = b"{}"
        else:
            _check_type(request)
        value = _parsed(text)
        cut = model.trim(value, services_of(request).settings)
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise invalid(error.errors(include_url=False, include_input=False), cut=cut) from error

    read.body_model, read.body_required = model, required  # type: ignore[attr-defined]
    return read


async def _read(request: Request) -> bytes:
    bound = services_of(request).settings.max_body_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > bound):
        raise _too_large(f"{announced[:19]} bytes", bound)
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > bound:
            raise _too_large(f"more than {bound} bytes", bound)
    return bytes(read)


def _too_large(size: str, bound: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body has {size}, but may have at most {bound}.")


def _check_type(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if _JSON_TYPE.fullmatch(kind.strip()) is None or charset not in {"", "utf-8", "utf8"}:
        said = request.headers.get("content-type")
        but = f"not {shown(said)}" if said else "and there is no Content-Type"
        raise UnsupportedMediaType(f"The body must be application/json in UTF-8, {but}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body must not be compressed.")


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        value = decode_json(text, what="body", max_bytes=len(text), max_nesting=NESTING)
    except InvalidPayload as error:
        if isinstance(error.__cause__, json.JSONDecodeError):
            raise MalformedBody(error.message) from error
        raise
    if not isinstance(value, dict):
        raise MalformedBody(f"The body must be a JSON object, not {_kind(value)}.")
    _refuse_repeated_keys(text, value)
    return value


def _refuse_repeated_keys(text: bytes, value: object) -> None:
    """Counts keys in the text and in what was read. Only where the counts differ, or an escape may have hidden a quote
    or a colon from the count, is the text read again, slowly."""
    if rb"\u00" in text or len(_KEY.findall(text)) != len(_KEY.findall(orjson.dumps(value))):
        json.loads(text, object_pairs_hook=_object_without_repetition)


def _object_without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedBody(f"The body has the key {shown(key)} twice in one object.")
        found[key] = value
    return found


def _kind(value: object) -> str:
    match value:
        case list():
            return "an array"
        case str():
            return "text"
        case None:
            return "null"
        case _:
            return "a plain value"
