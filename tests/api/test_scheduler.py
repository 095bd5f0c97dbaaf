"""Whether a scheduler leads, over REST."""

from __future__ import annotations

from datetime import timedelta

from tests.api.served import Served
from tests.harness.schedules import NOON, new_epoch, set_clock


async def test_every_key_learns_whether_a_scheduler_leads(api: Served) -> None:
    reader = await api.client_for("read", tenant="other")

    async def said() -> dict[str, object]:
        answer = await reader.get("/v1/scheduler")
        assert answer.status_code == 200, answer.text
        document: dict[str, object] = answer.json()
        return document

    assert await said() == {"leads": False, "renewed_at": None}
    await set_clock(api, NOON)
    await new_epoch(api)
    assert await said() == {"leads": True, "renewed_at": "2026-03-02T12:00:00Z"}
    await set_clock(api, NOON + timedelta(seconds=10))
    assert (await said())["leads"] is True  # it may just be late
    await set_clock(api, NOON + timedelta(seconds=11))
    assert await said() == {"leads": False, "renewed_at": "2026-03-02T12:00:00Z"}
