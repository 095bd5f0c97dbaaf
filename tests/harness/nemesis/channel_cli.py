"""Into rowlock by the command line: a program for each act, whose exit code says what became of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from uuid import UUID

import time_machine
from tests.harness.nemesis.clients import Refused

from rowlock.cli.exit_codes import ExitCode
from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.requests import TaskRequest
from rowlock.store.tasks import Stored

LIBFAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


class CommandLine:
    """`rowlock enqueue`, `rowlock tasks cancel`, `rowlock tasks redrive`, `rowlock tasks show`."""

    async def enqueue(self, tenant: str, requests: list[TaskRequest]) -> list[Stored]:
        [request] = requests
        told = {
            "--id": str(request.id),
            "--payload": request.payload,
            "--queue": request.queue,
            "--priority": request.priority.label,
            "--delay": f"{request.delay.total_seconds():g}s" if request.delay else None,
            "--idempotency-key": request.idempotency_key,
            "--unique-key": request.unique_key,
            "--on-duplicate": request.on_duplicate if request.unique_key else None,
            "--flow-key": request.flow_key,
        }
        flags = [word for flag, value in told.items() if value is not None for word in (flag, value)]
        said = json.loads(await _run(tenant, "enqueue", request.name, *flags))
        return [Stored(UUID(said["id"]), said["created"])]

    async def roll_back(self, tenant: str, requests: list[TaskRequest]) -> None:
        raise Refused("The command line knows no transactions of its users.")

    async def cancel(self, tenant: str, task_id: UUID) -> str:
        return str(json.loads(await _run(tenant, "tasks", "cancel", str(task_id)))["outcome"])

    async def redrive(self, tenant: str, task_id: UUID) -> None:
        await _run(tenant, "tasks", "redrive", str(task_id))

    async def peek(self, tenant: str, task_id: UUID) -> str:
        return str(json.loads(await _run(tenant, "tasks", "show", str(task_id)))["tenant_id"])

    async def close(self) -> None:
        """Nothing is kept open."""


async def _run(tenant: str, *words: str) -> bytes:
    """What the program prints; its exit code as the error that it stands for."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rowlock.cli", *words, "--tenant", tenant, "--json",
        env=_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        printed, complaint = await program.communicate()
    except asyncio.CancelledError:
        program.kill()
        await program.wait()
        raise
    text = f"exit code {program.returncode}: {complaint.decode(errors='replace').strip()}"
    match program.returncode:
        case ExitCode.DONE:
            return printed
        case ExitCode.UNAVAILABLE:
            raise DatabaseUnavailable(text)
        case ExitCode.INVALID | ExitCode.NOT_FOUND | ExitCode.CONFLICT | ExitCode.FORBIDDEN:
            raise Refused(text)
        case _:
            raise OutcomeUnknown(text)


def _environment() -> dict[str, str]:
    """With bytecode kept, or each program would compile rowlock for two seconds; on this program's clock."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    wrong_by = round(time.time() - time_machine.escape_hatch.time.time())
    if not wrong_by or LIBFAKETIME is None:
        return kept
    return kept | {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME": f"{wrong_by:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
