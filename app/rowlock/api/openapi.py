"""What the API says of itself: OpenAPI with every body, answer, problem and scope.

FastAPI knows the routes, their parameters and answers; bodies are read by rowlock's own dependency, so they are entered
here, from the same models that check them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rowlock.api.authentication import BEARER, Requires
from rowlock.api.body import BodyReader
from rowlock.api.problems import PROBLEM_BASE, PROBLEM_TYPE, Problem
from rowlock.domain.errors import RowlockError

TAG_TASKS = "tasks"
TAG_DEAD_LETTERS = "dead letters"
TAG_QUEUES = "queues"
TAG_SCHEDULES = "schedules"
TAG_FLEET = "workers and handlers"
TAG_ACCESS = "access"
TAG_HEALTH = "health"

TAGS = [
    {"name": TAG_TASKS, "description": "Units of work: enqueue, look at, cancel, redrive, change."},
    {
        "name": TAG_DEAD_LETTERS,
        "description": "Tasks out of attempts or failed for good, and putting them back to work.",
    },
    {"name": TAG_QUEUES, "description": "Depth and lag, pause and resume, retention, limits."},
    {"name": TAG_SCHEDULES, "description": "Rules by which tasks are enqueued at their windows."},
    {"name": TAG_FLEET, "description": "What runs and what can be run, of the whole installation."},
    {"name": TAG_ACCESS, "description": "API keys and the audit log."},
    {"name": TAG_HEALTH, "description": "For supervisors and Prometheus. No key is needed."},
]

DESCRIPTION = """
Durable jobs in PostgreSQL.

* Every route but health and metrics needs an API key: `Authorization: Bearer rlk_…`. The key names the tenant; what
  belongs to another tenant is answered as if it did not exist. Scopes: `read`, `write` (and read), `admin` (and both).
* Bodies are strict JSON: unknown fields, repeated keys and values of another type are refused, not mended.
* Refusals are `application/problem+json` (RFC 9457); their `type` is stable.
* `POST /v1/tasks` takes an `Idempotency-Key`: sent again, the request is answered with the first one's task (200).
* Lists are paged by `limit` and an opaque `cursor`.
* `X-Request-Id` is taken from the request or made, sent back, and written to every log line and audit entry.
"""

IDEMPOTENCY_HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names the request: sent again, it is answered with the first one's task. Quoted or bare.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "pattern": r'^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~]([ !#-~]{0,253}[!#-~])?)$',
        "examples": ['"8e03978e-40d5-43e8-bc93-6894a57f9324"'],
    },
}

_TEXTS = {
    400: "The request cannot be read",
    401: "No valid API key",
    403: "The API key lacks the scope",
    404: "There is no such thing for this tenant",
    409: "Its state does not allow it",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is refused",
    500: "A defect",
    503: "The database is away",
}
SCOPE_SENTENCE = "\n\nIt needs the scope `{}`."
NEVER_SENT = {"configuration", "lease-lost", "not-leader"}  # they stay between processes
_WITH_BODY = (400, 413, 415, 422)


def problems(*statuses: int, key: bool = True, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The problems that a route answers with: those given, and those of every route with a key or a body."""
    told = {*statuses, 500, 503, *((401, 403) if key else ()), *(_WITH_BODY if body else ())}
    return {
        status: {"description": _TEXTS[status], "content": {PROBLEM_TYPE: {"schema": _reference(Problem)}}}
        for status in sorted(told)
    }


def describe(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of the routers' routes."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    document = get_openapi(
        title="rowlock", version=version("rowlock"), description=DESCRIPTION + problem_kinds(), routes=routes, tags=TAGS
    )
    bodies = {
        (route.path_format, method): reader
        for route in routes
        for reader in _readers(route.dependant)
        for method in route.methods or ()
    }
    for (path, method), reader in bodies.items():
        document["paths"][path][method.lower()]["requestBody"] = {
            "required": reader.body_required,
            "content": {"application/json": {"schema": _reference(reader.body_model)}},
        }
    _tell_scopes(document, routes)
    models = {reader.body_model for reader in bodies.values()} | {Problem}
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _tell_scopes(document: dict[str, Any], routes: Iterable[APIRoute]) -> None:
    """Programs read the scope in `security`, people in the description."""
    for route in routes:
        for dependency in route.dependant.dependencies:
            if isinstance(dependency.call, Requires):
                scope = dependency.call.scope
                for method in route.methods or ():
                    operation = document["paths"][route.path_format][method.lower()]
                    operation["security"] = [{BEARER.scheme_name: [scope]}]
                    operation["description"] += SCOPE_SENTENCE.format(scope)


def known_kinds() -> dict[str, type[RowlockError]]:
    """Every kind of problem that the domain or the API has, by its name."""
    kinds: dict[str, type[RowlockError]] = {}
    waiting = RowlockError.__subclasses__()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith(("rowlock.api.", "rowlock.domain.")) and "problem" in vars(kind):
            kinds[kind.problem] = kind
    return dict(sorted(kinds.items()))


def problem_kinds() -> str:
    """A table of all kinds of problem that the API may answer with."""
    rows = [
        f"| `{slug}` | {kind.status} | {(kind.__doc__ or '').strip().splitlines()[0]} |"
        for slug, kind in known_kinds().items()
        if slug not in NEVER_SENT
    ]
    return "\n".join(
        [
            "",
            f"Kinds of problem, each below `{PROBLEM_BASE}`:",
            "",
            "| type | status | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _readers(dependant: Dependant) -> Iterator[BodyReader]:
    for dependency in dependant.dependencies:
        if hasattr(dependency.call, "body_model"):
            yield cast(BodyReader, dependency.call)
        yield from _readers(dependency)


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
