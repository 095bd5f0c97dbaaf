"""What a step returned, as JSON and back.

A function that says what it returns gets just that back, built anew from JSON by pydantic: a dataclass, a model, a
date. One that says nothing, or something that pydantic cannot build, gets what JSON spells. The first time is no other
than every later one, so a replay cannot differ.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any

import orjson
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from rowlock.domain.errors import InvalidPayload, PayloadTooLarge, StepNotKept
from rowlock.domain.payloads import encode_json

Json = Any  # whatever JSON spells
_AS_IT_IS = (Any, object, None, type(None), bool, int, float, str, dict, list)
_KNOWN = 1_000  # functions whose types are remembered: lambdas come and go


def encode_result(function: Callable[..., Any], value: object, *, what: str, max_bytes: int) -> str:
    """JSON text of what the function returned; `what` names it. Raises `StepNotKept`."""
    adapter = _adapter(_plain(function))
    try:
        if adapter is not None:
            value = adapter.dump_python(value, mode="json", by_alias=True, warnings=False)
        text = encode_json(value, what=what, max_bytes=max_bytes)
    except PayloadTooLarge as error:
        raise StepNotKept(f"{error.message} Keep it elsewhere and return its name.") from error
    except (InvalidPayload, ValueError, TypeError) as error:
        raise StepNotKept(f"{_sentence(error, what)} Return what can be written as JSON.") from error
    if adapter is not None:
        _validated(adapter, text, what)
    return text.decode()


def decode_result(function: Callable[..., Any], value: Json, *, what: str) -> Any:
    """What the function returned, from JSON. Raises `StepNotKept` where it is not what the function says to return."""
    adapter = _adapter(_plain(function))
    return value if adapter is None else _validated(adapter, orjson.dumps(value), what)


def _validated(adapter: TypeAdapter[Any], text: bytes, what: str) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise StepNotKept(
            f"The {what} is not what the function says to return: {reason}. Mend the annotation, or use another name "
            "for a step that has changed."
        ) from error


def _sentence(error: Exception, what: str) -> str:
    return error.message if isinstance(error, InvalidPayload) else f"The {what} is not JSON: {error}."


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that carries the annotations."""
    while isinstance(function, partial):
        function = function.func
    if inspect.ismethod(function):
        return function.__func__
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


@lru_cache(_KNOWN)
def _adapter(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    """Reads and writes what the function returns; None where JSON itself does."""
    hint = function if inspect.isclass(function) else _returned(function)
    if hint in _AS_IT_IS:
        return None
    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError, TypeError, AttributeError):
        return None


def _returned(function: Callable[..., Any]) -> Any:
    try:
        hint = typing.get_type_hints(function, include_extras=True).get("return", Any)
    except (NameError, TypeError, AttributeError):
        return Any
    origin = typing.get_origin(hint)
    if inspect.isclass(origin) and issubclass(origin, Awaitable):
        return typing.get_args(hint)[-1]
    return hint
