"""`rowlock keys`: who may use the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.store.access import KeyRecord

EverybodyOption = Annotated[bool, typer.Option("--all-tenants", help="Of all tenants.")]


def register(program: typer.Typer) -> None:
    keys = typer.Typer(help="Keys of the REST API.", no_args_is_help=True)
    program.add_typer(keys, name="keys")

    @command(keys, "create")
    def create(
        call: Call,
        name: Annotated[str, typer.Option(metavar="NAME", help="What people call it.", show_default=False)],
        scopes: Annotated[
            str, typer.Option(metavar="A,B", help="read, write, admin; each includes those before it.")
        ] = "write",
        expires_in: Annotated[str | None, typer.Option(metavar="TIME", help="How long it works: 12h, 90d.")] = None,
    ) -> None:
        """Make a key for the tenant, and print it this once."""
        from datetime import UTC, datetime

        from rowlock.cli.output import details
        from rowlock.cli.values import parse_duration, parse_names
        from rowlock.domain.bounds import check_delay
        from rowlock.engine.access import create_key

        lifetime = None if expires_in is None else check_delay(parse_duration(expires_in, what="expires-in"))
        expires_at = None if lifetime is None else datetime.now(UTC) + lifetime
        asked = parse_names(scopes) or []
        made = call.on_database(
            lambda database: create_key(database, call.tenant, name, asked, call.actor, expires_at=expires_at)
        )
        facts = {
            "Key": made.key, "Id": made.id, "Tenant": made.tenant_id, "Scopes": ", ".join(made.scopes),
            "Expires": made.expires_at, "Note": "It is shown this once: keep it safe.",
        }  # fmt: skip
        call.answer(made, lambda: details(facts))

    @command(keys, "list")
    def list_keys(call: Call, everybody: EverybodyOption = False) -> None:
        """List keys; what is secret of them is not stored."""
        from rowlock.cli.documents import document
        from rowlock.engine.access import list_keys as list_all

        tenant = None if everybody else call.tenant
        found = call.on_database(lambda database: list_all(database, tenant, limit=1_000))
        call.answer({"items": [document(key) for key in found]}, lambda: _table(found))

    @command(keys, "revoke")
    def revoke(
        call: Call,
        key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key.", show_default=False)],
        everybody: EverybodyOption = False,
    ) -> None:
        """Revoke a key for good."""
        from rowlock.cli.documents import document
        from rowlock.engine.access import revoke_key

        tenant = None if everybody else call.tenant
        revoked = call.on_database(lambda database: revoke_key(database, tenant, key_id, call.actor))
        call.answer(document(revoked), lambda: f"The key {revoked.id} ({revoked.name}) is revoked.")


def _table(found: Sequence[KeyRecord]) -> RenderableType:
    from datetime import UTC, datetime

    from rowlock.cli.output import age, table

    if not found:
        return "No keys. Make one with `rowlock keys create --name NAME`."
    now = datetime.now(UTC)
    rows = [
        (
            key.id,
            key.name,
            key.tenant_id,
            ",".join(key.scopes),
            "active" if key.valid else "revoked" if key.revoked_at else "expired",
            age(key.created_at, now),
            age(key.last_used_at, now) or "never",
        )
        for key in found
    ]
    return table(("ID", "NAME", "TENANT", "SCOPES", "STATE", "AGE", "USED"), rows)
