"""Routes of API keys: made, listed and revoked by the tenant's admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from rowlock.api.authentication import Admin, Reader, acting
from rowlock.api.body import json_body
from rowlock.api.keys.models import Key, KeyCreate, KeyPage, NewKey, PresentKey
from rowlock.api.openapi import TAG_ACCESS, problems
from rowlock.api.pagination import PageQuery, make_cursor, read_cursor
from rowlock.api.replies import json_reply, page
from rowlock.api.services import services_of
from rowlock.api.wire import utc
from rowlock.engine import access
from rowlock.store.access import KeyRecord

router = APIRouter(tags=[TAG_ACCESS])
KeyId = Annotated[str, Path(pattern=r"^[A-Za-z0-9]{1,64}$")]


@router.post("/v1/keys", status_code=201, response_model=NewKey, responses=problems(body=True))
async def create_key(request: Request, principal: Admin, body: Annotated[KeyCreate, json_body(KeyCreate)]) -> Response:
    """Makes a key. The answer is the only place where it can ever be read."""
    made = await access.create_key(
        services_of(request).database,
        principal.tenant_id,
        body.name,
        body.scopes,
        acting(request, principal),
        expires_at=body.expires_at,
    )
    content = {
        "id": made.id,
        "key": made.key,
        "tenant_id": made.tenant_id,
        "name": made.name,
        "scopes": made.scopes,
        "created_at": utc(made.created_at),
        "expires_at": utc(made.expires_at),
    }
    return json_reply(content, status=201, headers={"Cache-Control": "no-store"})


@router.get("/v1/keys", response_model=KeyPage, responses=problems(422))
async def list_keys(request: Request, principal: Admin, query: Annotated[PageQuery, Query()]) -> Response:
    """The tenant's keys, revoked ones too, without their secrets."""
    past = read_cursor("keys", query.filters(), query.cursor, str) or ""
    database = services_of(request).database
    found = await access.list_keys(database, principal.tenant_id, past=past, limit=query.limit + 1)
    shown = found[: query.limit]
    last = shown[-1].id if len(found) > query.limit else None
    return page([_key_json(one) for one in shown], last and make_cursor("keys", query.filters(), last))


@router.get("/v1/keys/present", response_model=PresentKey, responses=problems())
async def get_present_key(principal: Reader) -> Response:
    """The key that asks: for which tenant it acts, and what it may do."""
    content = {
        "id": principal.key_id,
        "tenant_id": principal.tenant_id,
        "name": principal.name,
        "scopes": [scope for scope in access.SCOPES if scope in principal.scopes],
    }
    return json_reply(content)


@router.delete("/v1/keys/{key_id}", response_model=Key, responses=problems(404, 422))
async def revoke_key(request: Request, principal: Admin, key_id: KeyId) -> Response:
    """Revokes a key for good: at once here, within two seconds in other processes."""
    revoked = await access.revoke_key(
        services_of(request).database, principal.tenant_id, key_id, acting(request, principal)
    )
    return json_reply(_key_json(revoked))


def _key_json(key: KeyRecord) -> dict[str, object]:
    return {
        "id": key.id,
        "tenant_id": key.tenant_id,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": utc(key.created_at),
        "created_by": key.created_by,
        "expires_at": utc(key.expires_at),
        "revoked_at": utc(key.revoked_at),
        "last_used_at": utc(key.last_used_at),
        "valid": key.valid,
    }
