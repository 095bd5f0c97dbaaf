"""Keys: made, recognised, remembered for a moment, forgotten when revoked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.harness.installation import Installation

from rowlock.domain.errors import InvalidArgument, NotFound, Unauthenticated
from rowlock.engine.access import KeyRing, Principal, authenticate, create_key, list_keys, revoke_key
from rowlock.store import access


async def test_a_key_stands_for_its_tenant_and_scopes(here: Installation) -> None:
    made = await create_key(here.database, "acme", "shop", ["write"], "test")

    principal = await authenticate(here.database, made.key)

    assert principal == Principal(made.id, "acme", "shop", frozenset({"write"}))
    assert [principal.may(scope) for scope in ("read", "write", "admin")] == [True, True, False]
    assert principal.actor("r-1").name == f"key:{made.id}"
    assert made.key not in repr(made)


async def test_what_is_not_a_valid_key_is_refused(here: Installation) -> None:
    made = await create_key(here.database, "acme", "shop", ["read"], "test")
    for wrong in ("", "rlk", "rlk__", f"rlk_{made.id}", f"rlk_{made.id}_", made.key + "x", "x" * 500, "rlk_ü_ü"):
        with pytest.raises(Unauthenticated):
            await authenticate(here.database, wrong)
        with pytest.raises(Unauthenticated):
            await KeyRing(here.database).authenticate(wrong)


async def test_wrong_requests_for_keys_name_their_field(here: Installation) -> None:
    wrong = [("", ["read"], "name"), ("x\0", ["read"], "name"), ("x", [], "scopes"), ("x", ["root"], "scopes")]
    for name, scopes, field in wrong:
        with pytest.raises(InvalidArgument) as refused:
            await create_key(here.database, "acme", name, scopes, "test")
        assert refused.value.detail["field"] == field
    with pytest.raises(InvalidArgument):
        await create_key(here.database, "Not A Tenant", "x", ["read"], "test")
    with pytest.raises(InvalidArgument):
        await create_key(here.database, "acme", "x", ["read"], "test", expires_at=datetime(2030, 1, 1))  # noqa: DTZ001
    assert await list_keys(here.database, None) == []


async def test_an_operator_lists_and_revokes_keys_of_all_tenants(here: Installation) -> None:
    made = [await create_key(here.database, tenant, "x", ["read"], "test") for tenant in ("a", "b")]

    assert {key.id for key in await list_keys(here.database, None)} == {one.id for one in made}
    assert [key.id for key in await list_keys(here.database, "a")] == [made[0].id]
    with pytest.raises(NotFound):
        await revoke_key(here.database, "a", made[1].id, "test")
    assert (await revoke_key(here.database, None, made[1].id, "test")).revoked_at is not None
    with pytest.raises(Unauthenticated):
        await authenticate(here.database, made[1].key)


async def test_a_ring_asks_the_database_once_and_forgets_what_is_revoked(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_key(here.database, "acme", "x", ["read"], "test", expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    asked = 0
    get_key = access.get_key

    async def counted(*args: object) -> object:
        nonlocal asked
        asked += 1
        return await get_key(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(access, "get_key", counted)
    ring = KeyRing(here.database)
    for _ in range(5):
        await ring.authenticate(made.key)
    assert asked == 1
    with pytest.raises(Unauthenticated):
        await ring.authenticate(made.key[:-1] + "?")
    assert asked == 1

    await revoke_key(here.database, "acme", made.id, "test")
    with pytest.raises(Unauthenticated):
        await ring.authenticate(made.key)
    assert asked == 2


async def test_a_key_revoked_while_it_is_looked_up_is_not_remembered(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_key(here.database, "acme", "x", ["read"], "test")
    get_key = access.get_key

    async def revoked_meanwhile(*args: object) -> object:
        found = await get_key(*args)  # type: ignore[arg-type]
        monkeypatch.undo()
        await revoke_key(here.database, None, made.id, "test")
        return found

    monkeypatch.setattr(access, "get_key", revoked_meanwhile)
    ring = KeyRing(here.database)
    await ring.authenticate(made.key)
    with pytest.raises(Unauthenticated):
        await ring.authenticate(made.key)


async def test_making_and_revoking_is_audited_once(here: Installation) -> None:
    made = await create_key(here.database, "acme", "x", ["read"], "cli:ada")
    for _ in range(2):
        await revoke_key(here.database, "acme", made.id, "cli:bob")

    rows = await here.query("SELECT actor, action, tenant_id, subject_id FROM rowlock.audit_log ORDER BY at")
    assert rows == [
        ("cli:ada", "key.create", "acme", made.id),
        ("cli:bob", "key.revoke", "acme", made.id),
    ]
