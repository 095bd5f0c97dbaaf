"""Problem details (RFC 9457): every refusal and failure in one shape, its `type` stable for programs to switch on.

What went wrong inside never leaves: a defect is logged with its traceback, and the client learns the request's id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from rowlock.api.refusals import BadRequest, Internal, MethodNotAllowed
from rowlock.api.services import services_of
from rowlock.domain.errors import (
    DatabaseUnavailable,
    IdempotencyInProgress,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    RowlockError,
    SchemaOutdated,
    Unauthenticated,
)
from rowlock.telemetry.logs import get_logger

PROBLEM_BASE = "https://rowlock.dev/problems/"
PROBLEM_TYPE = "application/problem+json"
MAX_ERRORS = 20
RETRY_AFTER_SECONDS: dict[type[RowlockError], int] = {
    IdempotencyInProgress: 1,
    OutcomeUnknown: 1,
    DatabaseUnavailable: 2,
    SchemaOutdated: 10,
}
DATABASE_TROUBLES = (DatabaseUnavailable, OutcomeUnknown, SchemaOutdated)
READING_METHODS = frozenset({"GET", "HEAD"})
UNAVAILABLE = "The database cannot be reached or refuses work for now. Nothing was stored; try again in a moment."

# In the words of JSON, where pydantic speaks of Python.
SENTENCES = {
    "extra_forbidden": "This field is not known.",
    "missing": "This field is required.",
    "dict_type": "This must be a JSON object.",
    "model_type": "This must be a JSON object.",
    "list_type": "This must be an array.",
    "string_type": "This must be text.",
    "int_type": "This must be a whole number.",
    "bool_type": "This must be true or false.",
}

_log = get_logger("rowlock.api")


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Path of the field, its parts joined by dots, such as `tasks.3.name`.")
    reason: str = Field(description="A whole sentence.")


class Problem(BaseModel):
    """What went wrong (RFC 9457). Further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable URI of the kind of problem.", examples=[f"{PROBLEM_BASE}not-found"])
    title: str = Field(description="Short name of the kind.", examples=["Not found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened here, and what to do.")
    instance: str = Field(description="Path that was asked for.")
    request_id: str = Field(description="The request's id, under which the logs have it.")
    errors: list[FieldError] | None = Field(None, description="The fields that are wrong, where fields are.")


def problem_reply(request: Request, error: RowlockError, *, errors: list[dict[str, str]] | None = None) -> Response:
    """The error as a problem document."""
    retry_after = next((s for kind, s in RETRY_AFTER_SECONDS.items() if isinstance(error, kind)), None)
    if error.status >= 500 and retry_after is None:
        error = Internal("Something went wrong inside. The log has it under the request's id.")
    detail = UNAVAILABLE if type(error) is DatabaseUnavailable else error.message
    more = dict(error.detail)
    field = more.pop("field", None)
    content: dict[str, Any] = {
        **more,
        "type": PROBLEM_BASE + error.problem,
        "title": error.title,
        "status": error.status,
        "detail": detail,
        "instance": request.scope.get("path", ""),
        "request_id": request.scope.get("rowlock.request_id", ""),
    }
    if errors is None and field is not None:
        errors = [{"field": str(field), "reason": detail}]
    if errors:
        content["errors"] = errors
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if isinstance(error, Unauthenticated):
        presented = "authorization" in request.headers
        headers["WWW-Authenticate"] = 'Bearer realm="rowlock"' + (', error="invalid_token"' if presented else "")
    body = orjson.dumps(content, default=str)
    return Response(body, error.status, headers, PROBLEM_TYPE)


def duty_of(method: str) -> str:
    """What a request does with the database. A read that works says nothing about a disk that is full."""
    return "read" if method in READING_METHODS else "write"


def defect_reply(request: Request, error: Exception) -> Response:
    """Logs a defect with its traceback and says that there is one."""
    _log.error("A request failed by a defect.", exc_info=error, path=request.scope.get("path"))
    return problem_reply(request, Internal(""))


def invalid(details: list[ErrorDetails], *, drop: int = 0, cut: int = 0) -> InvalidFields:
    """The refusal for what pydantic found; `drop` leading parts of each place are not the client's.

    `cut` counts the wrong fields that pydantic was not shown.
    """
    errors = [_field_error(one, drop) for one in details[:MAX_ERRORS]]
    first, others = errors[0], len(details) - 1 + cut
    more = f" {others} more {'field is' if others == 1 else 'fields are'} wrong." if others else ""
    return InvalidFields(f"{first['field']}: {first['reason']}{more}", errors)


class InvalidFields(InvalidArgument):
    """Fields of a request are unknown, missing, of the wrong type or out of bounds."""

    def __init__(self, message: str, errors: list[dict[str, str]]) -> None:
        super().__init__(message)
        self.errors = errors


def install_problem_handlers(app: FastAPI, methods_at: Callable[[str], Collection[str]]) -> None:
    """Every error of the app's routes becomes a problem. `methods_at` tells which methods a path knows."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RowlockError)
        if error.status >= 500:
            _log.warning("A request could not be served.", problem=error.problem, reason=error.message)
        if isinstance(error, DATABASE_TROUBLES):
            services_of(request).condition.troubled(duty_of(request.method), error)
        return problem_reply(request, error, errors=error.errors if isinstance(error, InvalidFields) else None)

    async def unreadable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await refused(request, invalid(list(error.errors()), drop=1))

    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reply = problem_reply(request, _from_http(request, error))
        if reply.status_code == 405:
            # The framework names the methods of one route only, and a path may have several.
            reply.headers["Allow"] = ", ".join(sorted(methods_at(request.scope.get("path", ""))))
        return reply

    app.add_exception_handler(RowlockError, refused)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(HTTPException, unrouted)


def _from_http(request: Request, error: HTTPException) -> RowlockError:
    path = request.scope.get("path", "")
    match error.status_code:
        case 404:
            return NotFound(f"There is nothing at {path}.")
        case 405:
            return MethodNotAllowed(f"{request.method} is not possible at {path}.")
        case _:
            return BadRequest(f"The request cannot be read: {error.detail}.")


def _field_error(one: ErrorDetails, drop: int) -> dict[str, str]:
    place = [str(part) for part in one["loc"][drop:] if part != "[key]"]
    return {"field": ".".join(place) or "body", "reason": _sentence(one)}


def _sentence(one: ErrorDetails) -> str:
    if one["type"] in SENTENCES:
        return SENTENCES[one["type"]]
    text = one["msg"].removeprefix("Value error, ").replace("Input should", "This must").strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
