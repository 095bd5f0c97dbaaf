"""A tool's arguments are taken as they are said: unknown ones are refused, and text stays text.

The mcp package drops what it does not know, so that a misspelt delay would let a task run at once; and it reads text as
JSON wherever an argument may be left out, so that the key `null` would be none. For an object or a list that is of use:
some clients send those as text.
"""

from __future__ import annotations

from typing import Any, get_args

from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from pydantic import BaseModel, ConfigDict, create_model


def strict(tool: Tool) -> Tool:
    """The tool, with such arguments."""
    lenient = tool.fn_metadata
    known = create_model(lenient.arg_model.__name__, __base__=(lenient.arg_model, _NothingElse))
    metadata = _AsSaid(**{**dict(lenient), "arg_model": known})
    return tool.model_copy(update={"fn_metadata": metadata, "parameters": known.model_json_schema(by_alias=True)})


class _NothingElse(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _AsSaid(FuncMetadata):
    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        parsed = super().pre_parse_json(data)
        return {name: parsed[name] if self._spells_json(name, parsed[name]) else said for name, said in data.items()}

    def _spells_json(self, name: str, parsed: Any) -> bool:
        field = self.arg_model.model_fields.get(name)
        return isinstance(parsed, dict | list) and field is not None and str not in get_args(field.annotation)
