"""The audit log, read. It is written by the statements that make the changes, in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which thing."""

    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    detail: dict[str, Any] | None  # Any: particulars differ by action
    request_id: str | None


async def get_audit(
    runner: Runner, tenant_id: str, subject_kind: str, subject_id: str, *, limit: int = 100
) -> list[AuditEntry]:
    """What was done to one thing (`task`, `queue`, `key`, …), latest first."""
    parameters = {"subject_kind": subject_kind, "subject_id": subject_id, "limit": limit}
    rows = await runner.run("get_audit", {"tenant_id": tenant_id, **parameters})
    return [AuditEntry(*row) for row in rows]
