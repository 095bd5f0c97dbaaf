"""pgbench scripts made of rowlock's `.sql` files, with constants for what a worker would decide.

pgbench holds text, not rows. So the claim is wrapped: its rows stay in the server, and what the completion needs of
them comes back as two arrays in text. That costs the server their spelling and spares it the rows of the reply.
"""

from __future__ import annotations

import re

from benchmarks.steps import LEASE_SECONDS, WORKER
from rowlock.engine.writing import LOCK_TIMEOUT
from rowlock.store.statements import statement

_PARAMETER = re.compile(r"%\((\w+)\)s")
_LAST_UPDATE = re.compile(r"\)\nUPDATE rowlock\.tasks_live")
BEGINNING = "'1970-01-01'"

ENQUEUE = {
    "id": "uuidv7()", "tenant_id": "'default'", "queue": "'default'", "name": "'noop'", "priority": "2::smallint",
    "lane": "'default'", "run_at": "NULL", "delay_seconds": "0", "expires_in_seconds": "NULL",
    "max_attempts": "4::smallint", "timeout_seconds": "NULL::real", "payload": "'{}'",
    "payload_version": "1::smallint", "tags": "NULL", "metadata": "NULL",
    "parent_id": "NULL::uuid", "workflow_id": "NULL::uuid", "wake": "false",
}  # fmt: skip


def enqueue_script() -> str:
    """Enqueues one task and commits. Nobody listens, so it asks for no notification."""
    return filled("enqueue", ENQUEUE) + ";\n"


def drain_script(batch: int) -> str:
    """Claims a batch and completes it, each a transaction of its own, from a floor that moves as a worker's does."""
    claim = filled("claim", {
        "queues": "ARRAY['default']", "priorities": "ARRAY[2]", "lanes": "ARRAY['default']",
        "floors": "ARRAY[:floor]", "quotas": f"ARRAY[{batch}]", "room": str(batch), "worker_id": str(WORKER),
        "lease_seconds": str(LEASE_SECONDS), "in_place": "true",
    })  # fmt: skip
    wrapped, changed = _LAST_UPDATE.subn("), claimed AS (\nUPDATE rowlock.tasks_live", claim)
    if changed != 1:
        raise AssertionError("claim.sql no longer ends with its UPDATE: wrap it anew in benchmarks/floor/scripts.py.")
    quoted = f"'{LOCK_TIMEOUT}'"
    return (
        f"{wrapped}\n)\n"
        "SELECT coalesce(array_agg(id)::text, '{}') AS ids, coalesce(array_agg(lease_token)::text, '{}') AS tokens,\n"
        "       coalesce(max(to_timestamp(claimed_epoch - wait_seconds)) - interval '2 s', :floor)::text AS floor\n"
        "  FROM claimed \\gset\n"
        f"{filled('complete', {'ids': ':ids', 'lease_tokens': ':tokens', 'lock_timeout': quoted})};\n"
    ).replace(":floor", ":floor::timestamptz")


def filled(name: str, values: dict[str, str]) -> str:
    """A statement with SQL in the place of its parameters; comments are left out. A new parameter is a `KeyError`."""
    lines = [line for line in statement(name).splitlines() if not line.startswith("--")]
    return _PARAMETER.sub(lambda match: values[match[1]], "\n".join(lines)).strip()
