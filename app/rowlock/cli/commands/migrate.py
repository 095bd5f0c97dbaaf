"""`rowlock migrate`: the database's shape, brought to this version's."""

from __future__ import annotations

from typing import Annotated

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "migrate")
    def migrate(
        call: Call,
        sql: Annotated[
            bool, typer.Option("--sql", help="Print the SQL for an empty database instead of running it.")
        ] = False,
        revision: Annotated[str, typer.Option(metavar="REV", help="Migrate up to this one.")] = "head",
    ) -> None:
        """Bring the database to this version's schema.

        Two deployers at once are fine: the second waits, and then finds nothing to do. What migrations have to say goes
        to stderr.
        """
        from rowlock.cli.output import tell_note
        from rowlock.store import migrate as migrations
        from rowlock.store.revisions import current_revision

        schema = call.settings.schema_
        _check_revision(revision)
        if sql:
            text = migrations.migration_sql(schema, revision)
            call.answer({"schema": schema, "sql": text}, lambda: text.rstrip("\n"))
            return
        from rowlock.engine.afterwards import already
        from rowlock.store.addresses import url_from_settings

        url = url_from_settings(call.settings)
        before = current_revision(url, schema)
        notes: list[str] = []
        migrations.migrate(url, schema, revision, note=notes.append if call.json else tell_note)
        with already(f"The schema {schema} was migrated"):
            after = current_revision(url, schema)
        document = {"schema": schema, "from": before, "to": after, "notes": notes}
        call.answer(document, lambda: _said(schema, before, after))


def _check_revision(revision: str) -> None:
    from rowlock.domain.errors import InvalidArgument
    from rowlock.store.revisions import known_revisions

    known = known_revisions()
    if revision != "head" and revision not in known:
        raise InvalidArgument(f"There is no migration {revision!r}: they are {known[0]} to {known[-1]}, and head.")


def _said(schema: str, before: str | None, after: str | None) -> str:
    from rowlock.store.revisions import head_revision, is_ahead

    if is_ahead(after, head := head_revision()):
        return f"The schema {schema} is ahead, at migration {after}; this version knows those to {head}."
    if before == after:
        return f"The schema {schema} is at migration {after} already."
    return f"The schema {schema} has been migrated from {before or 'nothing'} to {after}."
