"""Payloads and results of other versions than the handler's: brought up, or waiting with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, settings_for
from tests.harness.schedules import new_epoch
from tests.worker.conftest import working

from rowlock import Rowlock, UnknownResultVersion
from rowlock.domain.errors import ConfigurationError
from rowlock.engine.fire import fire_due
from rowlock.handlers.task import Task
from rowlock.handlers.task_handle import TaskHandle

SOON, HOUR = timedelta(seconds=20), timedelta(hours=1)


def mail(app: Rowlock) -> list[Any]:
    """Declares mail.send, whose payload has version 3 and can be brought up from 2; what it was called with."""
    seen: list[Any] = []

    @app.task(name="mail.send", payload_version=3)
    async def send(to: list[str], subject: str) -> None:
        seen.append((to, subject))

    @send.upcast(2)
    def with_subject(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "subject": "(none)"}

    return seen


async def test_older_payloads_are_brought_up(app: Rowlock, here: Installation) -> None:
    seen = mail(app)
    older = await here.enqueue("mail.send", payload={"to": ["ada"]}, payload_version=2)
    own = await here.enqueue("mail.send", payload={"to": ["bob"], "subject": "Hi"}, payload_version=3)
    async with working(app):
        await eventually(lambda: _all_are(here, "succeeded", older, own))
        handlers = await here.query("SELECT oldest_payload_version, payload_version FROM rowlock.handlers")
    assert sorted(seen) == [(["ada"], "(none)"), (["bob"], "Hi")]
    assert handlers == [(2, 3)]
    assert (await here.task(older)).payload == {"to": ["ada"]}, "what was asked for stays on record"


async def test_unknown_versions_wait_for_their_worker(app: Rowlock, here: Installation, database_url: str) -> None:
    """Newer, or older than any upcast: no attempt is spent, and what to deploy can be asked for."""
    seen = mail(app)
    newer = await here.enqueue("mail.send", payload={"to": [], "subject": "", "copy": 1}, payload_version=4)
    older = await here.enqueue("mail.send", payload={"to": "ada"}, payload_version=1)
    async with working(app):
        for task_id in (newer, older):
            await eventually(lambda: _waits(here, task_id))  # noqa: B023
    assert seen == []
    for task_id, advice in (
        (newer, "Deploy workers whose handler declares payload_version=4."),
        (older, "Deploy workers whose handler has an upcast from version 1 on."),
    ):
        task = await here.task(task_id)
        assert (task.status, task.attempt, task.reason) == ("scheduled", 0, "unknown_version")
        told = await here.query("SELECT code, explanation, advice FROM rowlock.explain_task(%(id)s)", {"id": task_id})
        assert [(code, what) for code, _, what in told] == [("unknown_version", advice)]
        assert "takes versions 2 to 3" in told[0][1]


async def test_tasks_of_schedules_have_the_version_of_their_payload(app: Rowlock, here: Installation) -> None:
    """Fired, backfilled or triggered: what was written for the handler as it is goes through no upcast."""
    seen = mail(app)
    payload = {"to": ["ada"], "subject": "Hi"}
    app.schedule("@hourly", name="hourly", payload=payload)(Task(app, app.handlers["mail.send"]))
    await app.schedules.sync()
    await app.schedules.trigger("hourly")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await app.schedules.backfill("hourly", since=hour - 2 * HOUR, until=hour - 2 * HOUR)
    await here.query("UPDATE rowlock.schedules SET cursor_at = cursor_at - '1 h'::interval, next_at = cursor_at")
    assert (await fire_due(here.database, await new_epoch(here))).fired == 1
    tasks = await here.query("SELECT id, payload_version FROM rowlock.tasks_live")
    assert [version for _, version in tasks] == [3, 3, 3]
    async with working(app):
        await eventually(lambda: _all_are(here, "succeeded", *(task_id for task_id, _ in tasks)))
    assert seen == [(["ada"], "Hi")] * 3


async def test_a_deploy_of_another_version_stamps_the_schedule_anew(here: Installation, database_url: str) -> None:
    for version in (1, 2, 1):
        app = Rowlock(name="shop", settings=settings_for(database_url))
        app.schedule("@daily", name="daily")(app.task(name="report", payload_version=version)(lambda: None))
        async with working(app):
            await eventually(lambda: _is_stamped(here, version))  # noqa: B023
        await app.close()


async def test_results_are_brought_up_by_whoever_reads_them(app: Rowlock, here: Installation) -> None:
    @app.task(name="count", result_version=2)
    async def count() -> dict[str, int]:
        return {"total": 3}

    @count.upcast_result(1)
    def from_number(result: int) -> dict[str, int]:
        return {"total": result}

    async with working(app):
        new = await count.enqueue()
        assert await new.result(SOON) == {"total": 3}
    assert (await new.get()).result_version == 2

    older, newer = await finished(here, "7", 1), await finished(here, "8", 3)
    assert await TaskHandle(app, older, True, "default").result(SOON) == {"total": 7}
    with pytest.raises(UnknownResultVersion, match="has version 3, and handler 'count' is declared here with versions"):
        await TaskHandle(app, newer, True, "default").result(SOON)
    assert (await app.get(newer)).result == 8


async def finished(here: Installation, result: str, version: int) -> UUID:
    """A task that a worker of another version has finished."""
    from rowlock.store import leases

    task_id = await here.enqueue("count")
    (claimed,) = await here.claim()
    await leases.complete_with_results(here.database, [task_id], [claimed.lease_token], [result], [version])
    return task_id


async def test_a_worker_refuses_an_application_with_a_gap(app: Rowlock) -> None:
    @app.task(payload_version=3)
    async def send() -> None: ...

    send.upcast(1)(lambda payload: payload)
    with pytest.raises(ConfigurationError, match="not from 2"):
        async with working(app):
            pass


async def _all_are(here: Installation, status: str, *ids: UUID) -> bool:
    return all([(await here.task(task_id)).status == status for task_id in ids])


async def _waits(here: Installation, task_id: UUID) -> bool:
    return (await here.task(task_id)).reason == "unknown_version"


async def _is_stamped(here: Installation, version: int) -> bool:
    return await here.query("SELECT payload_version FROM rowlock.schedules WHERE name = 'daily'") == [(version,)]
