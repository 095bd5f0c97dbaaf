"""The disk of the tables or of the WAL fills up and is freed: nothing acknowledged is lost, and work goes on."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from tests.harness.eventually import eventually
from tests.harness.server import PostgresServer
from tests.harness.server_disk import small_disks_allowed
from tests.harness.services import Services

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not small_disks_allowed(), reason="mounting a disk takes root, or sudo without a password"),
]
SOON = timedelta(seconds=60)
PAYLOAD = {"filling": "x" * 8_000}


@pytest.mark.parametrize("what", ["tables", "wal"])
async def test_a_full_disk_is_told_of_and_work_goes_on_when_it_is_freed(postgres: PostgresServer, what: str) -> None:
    put = {"tables": postgres.put_tables_on_small_disk, "wal": postgres.put_wal_on_small_disk}[what]
    disk = await asyncio.to_thread(put, mib={"tables": 24, "wal": 12}[what])
    async with Services(postgres.url).running() as services:
        held = await services.posted("hold")
        await eventually(lambda: held in {str(task) for task, _ in services.begun})
        await asyncio.to_thread(disk.fill)
        full = await fill_up(services)
        assert full.headers["Retry-After"]
        assert (await services.client.get("/health/live")).status_code == 200
        await eventually(lambda: services.worker.health[0] == "degraded", within=SOON)
        if what == "tables":
            assert (await services.client.get("/health/ready")).json()["status"] == "degraded"
            assert "disk is full" in " ".join(await services.reasons())
        await asyncio.to_thread(disk.free)
        if not postgres.runs:  # a full WAL ends PostgreSQL; who supervises it starts it again
            await asyncio.to_thread(postgres.start)
        freed_at = time.monotonic()
        fresh = await services.posted()
        await eventually(lambda: fresh in {str(task) for task, _ in services.begun}, within=SOON)
        print(f"{what}: first claim {time.monotonic() - freed_at:.2f} s after the disk was freed")  # noqa: T201
        services.release.set()
        await eventually(lambda: all_succeeded(services), within=SOON)
        assert (await services.task(held))["attempt"] == 1
        await eventually(lambda: services.worker.health == ("healthy", None), within=SOON)
        await eventually(lambda: services.scheduler.epoch, within=SOON)


async def fill_up(services: Services) -> Any:
    """Enqueues until the API refuses; its refusal."""

    async def refused() -> Any:
        answer = await services.post(payload=PAYLOAD)
        return answer if answer.status_code == 503 else None

    return await eventually(refused, within=SOON)


async def all_succeeded(services: Services) -> bool:
    tasks = [await services.task(task) for task in services.acknowledged]
    return all(task.get("status") == "succeeded" for task in tasks)
