"""Things of the store as the command line's JSON documents: the fields of their records, priorities by name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rowlock.domain.priorities import Priority

HIDDEN = frozenset({"key_hash", "lane", "lease_token"})


def document(record: Any, **more: object) -> dict[str, object]:  # Any: any dataclass of the store
    """The record's fields, without those that are nobody's business, and with more of them."""
    found = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in HIDDEN}
    if isinstance(found.get("priority"), int):
        found["priority"] = Priority(found["priority"]).label
    return {**found, **more}
