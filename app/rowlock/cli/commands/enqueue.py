"""`rowlock enqueue`: one task, with every option that Python has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from rowlock.domain.requests import TaskRequest
    from rowlock.store.database import Database
    from rowlock.store.tasks import Stored


def register(program: typer.Typer) -> None:
    @command(program, "enqueue")
    def enqueue(
        call: Call,
        name: Annotated[
            str, typer.Argument(metavar="NAME", help="Handler that is to run the task.", show_default=False)
        ],
        *,
        payload: Annotated[
            str,
            typer.Option(
                "--payload", "-p", metavar="JSON", help="Its arguments, a JSON object; @FILE or - reads them."
            ),
        ] = "{}",
        queue: Annotated[
            str | None, typer.Option("--queue", "-q", metavar="NAME", help="Default: the handler's.")
        ] = None,
        priority: Annotated[str | None, typer.Option(metavar="NAME", help="critical, high, normal or low.")] = None,
        delay: Annotated[
            str | None, typer.Option(metavar="TIME", help="Not before that has passed: 90s, 15m, 2d.")
        ] = None,
        run_at: Annotated[str | None, typer.Option(metavar="INSTANT", help="Not before then, in ISO 8601.")] = None,
        max_attempts: Annotated[int | None, typer.Option(metavar="N", help="Attempts, the first one included.")] = None,
        timeout: Annotated[str | None, typer.Option(metavar="TIME", help="Longest run of one attempt.")] = None,
        expires_in: Annotated[
            str | None, typer.Option(metavar="TIME", help="How long the task may live, from now: 90s, 15m, 2d.")
        ] = None,
        tag: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="To find it by; may be repeated.")] = None,
        metadata: Annotated[str | None, typer.Option(metavar="JSON", help="Your own notes, a JSON object.")] = None,
        idempotency_key: Annotated[
            str | None, typer.Option(metavar="KEY", help="Makes the same request, sent twice, one task.")
        ] = None,
        idempotency_ttl: Annotated[
            str | None,
            typer.Option(metavar="TIME", help="How long that key holds. Default: ROWLOCK_IDEMPOTENCY_HOURS."),
        ] = None,
        unique_key: Annotated[str | None, typer.Option(metavar="KEY", help="At most one pending task has it.")] = None,
        on_duplicate: Annotated[
            str | None, typer.Option(metavar="HOW", help="For the unique key: skip, replace or refuse.")
        ] = None,
        flow_key: Annotated[
            str | None, typer.Option(metavar="KEY", help="Lane within the tenant, for fairness and limits.")
        ] = None,
        payload_version: Annotated[
            int | None, typer.Option(metavar="N", help="Version of the payload's shape. Default: the handler's.")
        ] = None,
        task_id: Annotated[
            str | None, typer.Option("--id", metavar="UUID", help="Its id, best a UUIDv7. Default: one is made.")
        ] = None,
    ) -> None:
        """Enqueue a task and print its id."""
        from rowlock.cli.values import parse_duration, parse_instant, parse_object
        from rowlock.domain.bounds import MAX_METADATA_BYTES
        from rowlock.domain.ids import parse_id

        arguments = parse_object(payload, what="payload", max_bytes=call.settings.max_payload_bytes)
        options: dict[str, Any] = {
            "queue": queue,
            "priority": int(priority) if priority and priority.isdecimal() else priority,
            "delay": None if delay is None else parse_duration(delay, what="delay"),
            "run_at": None if run_at is None else parse_instant(run_at, what="run-at"),
            "max_attempts": max_attempts,
            "timeout": None if timeout is None else parse_duration(timeout, what="timeout"),
            "expires_in": None if expires_in is None else parse_duration(expires_in, what="expires-in"),
            "tags": tag,
            "metadata": metadata and parse_object(metadata, what="metadata", max_bytes=MAX_METADATA_BYTES),
            "idempotency_key": idempotency_key,
            "idempotency_ttl": None
            if idempotency_ttl is None
            else parse_duration(idempotency_ttl, what="idempotency-ttl"),
            "unique_key": unique_key,
            "on_duplicate": on_duplicate,
            "flow_key": flow_key,
            "payload_version": payload_version,
            "id": None if task_id is None else parse_id(task_id),
        }
        request, stored = call.on_database(lambda database: _store(database, call, name, arguments, options))
        document = {
            "id": stored.id, "created": stored.created, "name": request.name, "queue": request.queue,
            "priority": request.priority.label, "tenant": call.tenant,
        }  # fmt: skip
        call.answer(document, lambda: str(stored.id))
        if not stored.created and not call.json:
            typer.echo("This is an earlier task: its key answers for the request.", err=True)


async def _store(
    database: Database, call: Call, name: str, arguments: dict[str, Any], options: dict[str, Any]
) -> tuple[TaskRequest, Stored]:
    from rowlock.engine.admission import Admission
    from rowlock.engine.enqueue import enqueue

    request = await Admission(database).task(call.tenant, name, arguments, **options)
    return request, await enqueue(database, call.tenant, request)
