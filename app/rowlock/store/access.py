"""API keys as rows. The key itself is never stored: only its public part and a hash of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rowlock.store.links import Runner
from rowlock.store.operations import Actor


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One API key. `valid` says whether it was neither revoked nor expired when it was read."""

    id: str
    tenant_id: str
    name: str
    key_hash: bytes = field(repr=False)
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    valid: bool


async def insert_key(
    runner: Runner,
    tenant_id: str,
    *,
    key_id: str,
    key_hash: bytes,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    actor: Actor,
) -> KeyRecord:
    """Enters a key, audited."""
    rows = await runner.run(
        "create_api_key",
        {
            "id": key_id,
            "tenant_id": tenant_id,
            "name": name,
            "key_hash": key_hash,
            "scopes": list(scopes),
            "expires_at": expires_at,
            "actor": actor.name,
            "request_id": actor.request_id,
        },
    )
    return KeyRecord(*rows[0])


async def get_key(runner: Runner, key_id: str) -> KeyRecord | None:
    """The key of that public part, of whatever tenant: the key is what tells the tenant."""
    rows = await runner.run("get_api_key", {"id": key_id})
    return KeyRecord(*rows[0]) if rows else None


async def list_keys(runner: Runner, tenant_id: str | None, *, past: str = "", limit: int = 100) -> list[KeyRecord]:
    """Keys with ids beyond `past`, in order; of all tenants where none is given."""
    rows = await runner.run("list_api_keys", {"tenant_id": tenant_id, "past": past, "limit": limit})
    return [KeyRecord(*row) for row in rows]


async def revoke_key(runner: Runner, tenant_id: str | None, key_id: str, actor: Actor) -> KeyRecord | None:
    """Revokes the key for good, audited; None where the tenant has no such key."""
    rows = await runner.run(
        "revoke_api_key",
        {"tenant_id": tenant_id, "id": key_id, "actor": actor.name, "request_id": actor.request_id},
    )
    return KeyRecord(*rows[0]) if rows else None


async def touch_key(runner: Runner, key_id: str) -> None:
    """Notes that the key was used; writes at most once a minute."""
    await runner.run("touch_api_key", {"id": key_id})
