"""What pydantic's schema of a handler's parameters says of their way through JSON, found out once at declaration.

Plain ones come back as they went, whatever their value is. Those that leave something open (`Any`, a bare `list`) come
back as JSON has it there. And a secret would not come back at all: pydantic writes asterisks in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

Node = Mapping[str, Any]  # one of pydantic's core schema

_PLAIN = frozenset({"str", "int", "float", "bool", "none", "any", "list", "dict", "nullable", "union", "literal"})
_TRANSPARENT = frozenset({"default", "model-field", "definition-ref"})
_CONTENT = {"list": "items_schema", "set": "items_schema", "frozenset": "items_schema", "dict": "values_schema"}
_NO_NODES = frozenset({"metadata", "serialization", "config", "default", "function", "computed_fields"})
_AS_JSON = (str, int, bool, type(None))


class ParameterType(NamedTuple):
    """What is known of one parameter."""

    plain: bool
    open: bool
    secret: bool


def parameter_types(model: type[BaseModel]) -> list[ParameterType]:
    """One for each field of the model."""
    root: Node = model.__pydantic_core_schema__
    definitions = {each["ref"]: each for each in root.get("definitions", ())}
    while root["type"] != "model-fields":
        root = root["schema"]
    return [_parameter_type(field, definitions) for field in root["fields"].values()]


def _parameter_type(field: Node, definitions: Mapping[str, Node]) -> ParameterType:
    nodes = list(_nodes(field, definitions, set()))
    return ParameterType(
        plain=all(_is_plain(node) for node in nodes),
        open=any(_is_open(node) for node in nodes),
        secret=any(_is_secret(node) for node in nodes),
    )


def _nodes(found: Any, definitions: Mapping[str, Node], seen: set[str]) -> Iterator[Node]:
    """All nodes; not those below a serializer of the user's, who alone knows what it does with them."""
    if isinstance(found, list | tuple):
        for each in found:
            yield from _nodes(each, definitions, seen)
    elif isinstance(found, dict):
        if not isinstance(found.get("type"), str):  # fields by their names, one of which may well be `type`
            yield from _nodes(list(found.values()), definitions, seen)
            return
        yield found
        if found["type"] == "definition-ref" and found["schema_ref"] not in seen:
            seen.add(found["schema_ref"])
            yield from _nodes(definitions.get(found["schema_ref"]), definitions, seen)
        elif "function" not in found.get("serialization", ()):
            yield from _nodes([each for key, each in found.items() if key not in _NO_NODES], definitions, seen)


def _is_plain(node: Node) -> bool:
    match node["type"]:
        case "model-field":
            aliases = node.get("serialization_alias"), node.get("validation_alias")
            return aliases[0] == aliases[1] and not node.get("serialization_exclude")
        case "dict":
            return node.get("keys_schema", {"type": "any"})["type"] in {"str", "any"} and "serialization" not in node
        case "literal":
            return all(type(each) in _AS_JSON for each in node["expected"])
        case kind:
            return (kind in _PLAIN or kind in _TRANSPARENT) and "serialization" not in node


def _is_open(node: Node) -> bool:
    kind = node["type"]
    takes_more = node.get("extra_behavior") or node.get("config", {}).get("extra_fields_behavior")
    return kind == "any" or takes_more == "allow" or (kind in _CONTENT and _CONTENT[kind] not in node)


def _is_secret(node: Node) -> bool:
    writer = node.get("serialization", {}).get("function")
    return getattr(writer, "__module__", "") == "pydantic.types" and writer.__name__.startswith("_serialize_secret")
