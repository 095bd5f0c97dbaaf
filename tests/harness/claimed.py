"""Tasks as a claim would have returned them, where nothing asks a database for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rowlock.store.leases import ClaimedTask


def claimed(name: str, *, number: int = 1, queue: str = "default", **fields: Any) -> ClaimedTask:
    """One under its first lease, which has this number; `fields` have other values than it would have else."""
    task = ClaimedTask(
        id=UUID(int=number),
        lease_token=number,
        tenant_id="default",
        queue=queue,
        priority=2,
        lane="default",
        name=name,
        attempt=1,
        max_attempts=5,
        timeout_seconds=None,
        payload_text="{}",
        payload_version=1,
        metadata_text=None,
        wait_seconds=0.0,
        claimed_epoch=0.0,
        cancel_requested=False,
        parent_id=None,
        workflow_id=None,
    )
    return task._replace(**fields)
