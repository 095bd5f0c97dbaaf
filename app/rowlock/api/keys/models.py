"""Shapes of API keys and of the audit log on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.body import WireModel
from rowlock.api.wire import Instant
from rowlock.engine.access import MAX_KEY_NAME, SCOPES

Scope = Literal["read", "write", "admin"]


class KeyCreate(WireModel):
    """A key to be made, for the tenant of the key that asks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop", "scopes": ["write"]}]})

    name: Annotated[str, Field(min_length=1, max_length=MAX_KEY_NAME, pattern=r"^[^\x00]*$")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))] = Field(
        ["write"], description="Each includes those before it: read, write, admin."
    )
    expires_at: Instant | None = Field(None, description="When it stops to work; never, where left out.")


class Key(BaseModel):
    """A key without its secret."""

    id: str
    tenant_id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    valid: bool


class PresentKey(BaseModel):
    """The key that asks."""

    id: str
    tenant_id: str
    name: str
    scopes: list[Scope]


class NewKey(BaseModel):
    """A key just made. `key` is shown this once."""

    id: str
    key: str = Field(description="Send it as `Authorization: Bearer <key>`.")
    tenant_id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


class KeyPage(BaseModel):
    """One page of keys, in order of their ids."""

    items: list[Key]
    next_cursor: str | None


class AuditEntry(BaseModel):
    """Who did what to which thing."""

    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    detail: dict[str, Any] | None
    request_id: str | None


class AuditList(BaseModel):
    """Entries, latest first."""

    items: list[AuditEntry]
