"""The routes of the REST API with the scopes they need, as its OpenAPI document tells them."""

from __future__ import annotations

from typing import Any

from tests.docs.markdown import table

from rowlock.api.app import openapi_document
from rowlock.api.openapi import SCOPE_SENTENCE


def tables() -> str:
    """A table for each tag."""
    document = openapi_document()
    parts = []
    for tag in document["tags"]:
        rows = [
            _route(method, path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if tag["name"] in operation["tags"]
        ]
        heading = f"### {tag['name'].capitalize()}\n\n{tag['description']}"
        parts.append(f"{heading}\n\n{table(('Method', 'Path', 'Scope', 'What it does'), rows)}")
    return "\n\n".join(parts)


def _route(method: str, path: str, operation: dict[str, Any]) -> tuple[str, str, str, str]:
    scope = next((scope for needed in operation.get("security", ()) for [scope] in needed.values()), None)
    does = operation["description"].removesuffix(SCOPE_SENTENCE.format(scope))
    return f"`{method.upper()}`", f"`{path}`", f"`{scope}`" if scope else "–", " ".join(does.split())
