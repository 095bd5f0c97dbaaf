"""A deploy brings schedules to what the code declares, and touches nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tenacity import stop_after_attempt
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, OPERATOR, audited, make_schedule, set_clock

from rowlock.domain.errors import DatabaseUnavailable, InvalidArgument
from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request
from rowlock.engine import declared_schedules
from rowlock.engine.declared_schedules import SyncReport, sync_declared
from rowlock.engine.explain_window import explain_window
from rowlock.engine.schedules import (
    describe_schedule,
    get_schedule,
    pause_schedule,
    resume_schedule,
    upcoming_windows,
    update_schedule,
)
from rowlock.store import schedules
from rowlock.store.schedules import ScheduleRecord


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


def declared(name: str = "report", **options: Any) -> ScheduleRequest:
    rule = {} if options.keys() & {"cron", "interval", "calendar"} else {"cron": "0 3 * * *"}
    return schedule_request(name, "reports.build", **rule, **options)


async def sync(here: Installation, *code: ScheduleRequest, application: str = "shop", **options: bool) -> SyncReport:
    return await sync_declared(here.database, TENANT, application, code, **options)


async def test_what_is_declared_is_made_and_a_second_sync_keeps_it(here: Installation) -> None:
    code = [
        declared(),
        declared("beat", interval=30, allow_seconds=True, payload={"b": 1, "a": 2.5}, timeout=0.1, tags=["t"]),
    ]
    assert await sync(here, *code) == SyncReport(created=["beat", "report"])
    made = await get_schedule(here.database, TENANT, "beat")
    assert (made.source, made.cursor_at) == ("code", NOON)
    await set_clock(here, NOON + timedelta(seconds=100))
    assert await sync(here, *code) == SyncReport(unchanged=["beat", "report"])
    after = await get_schedule(here.database, TENANT, "beat")
    assert (after.cursor_at, after.next_at, after.anchor_at) == (made.cursor_at, made.next_at, made.anchor_at)
    assert after.updated_at == made.updated_at
    assert await audited(here, "beat") == ["schedule.create"]


async def test_what_differs_is_changed(here: Installation) -> None:
    await sync(here, declared(), declared("beat", interval=30, allow_seconds=True))
    await set_clock(here, NOON + timedelta(seconds=100))
    report = await sync(here, declared(queue="slow"), declared("beat", interval=60, payload={"a": True}))
    assert report == SyncReport(changed=["beat", "report"])
    kept = await get_schedule(here.database, TENANT, "report")
    assert (kept.queue, kept.cursor_at) == ("slow", NOON)
    anew = await get_schedule(here.database, TENANT, "beat")
    assert (anew.cursor_at, anew.next_at) == (NOON + timedelta(seconds=100), NOON + timedelta(seconds=120))
    assert (await sync(here, declared(queue="slow"), declared("beat", interval=60))).changed


@pytest.mark.parametrize("rule", [{"cron": "0 * * * *"}, {"interval": "1h"}, {"calendar": "1 day at 09:00"}])
async def test_one_that_is_over_is_stored_without_windows_and_holds_up_no_other(
    here: Installation, rule: dict[str, Any]
) -> None:
    over = NOON - timedelta(days=30)
    code = [declared("over", **rule, ends_at=over, payload={"a": 1}), declared()]
    assert await sync(here, *code, dry_run=True) == SyncReport(created=["over", "report"])
    assert await sync(here, *code) == SyncReport(created=["over", "report"])
    made = await get_schedule(here.database, TENANT, "over")
    assert (made.next_at, upcoming_windows(made), made.anchor_at) == (None, [], NOON)
    assert describe_schedule(made).endswith(f", until {over}")
    assert (await explain_window(here.database, TENANT, "over", NOON)).code == "after_end"
    assert await sync(here, *code) == SyncReport(unchanged=["over", "report"])
    changed = await update_schedule(here.database, TENANT, "over", {"payload": {"a": 2}}, actor=OPERATOR)
    assert (changed.payload, changed.next_at, changed.anchor_at) == ({"a": 2}, None, NOON)
    prolonged = await update_schedule(
        here.database, TENANT, "over", {"ends_at": NOON + timedelta(days=30)}, actor=OPERATOR
    )
    assert prolonged.next_at is not None
    assert prolonged.anchor_at == NOON


async def test_another_version_of_the_payload_is_a_change(here: Installation) -> None:
    await sync(here, declared())
    assert (await sync(here, declared(payload_version=2))).changed == ["report"]
    stamped = await get_schedule(here.database, TENANT, "report")
    assert (stamped.payload_version, stamped.cursor_at) == (2, NOON)
    assert (await sync(here, declared(payload_version=2))).unchanged == ["report"]


async def test_what_vanished_is_paused_and_comes_back_when_it_is_declared_again(here: Installation) -> None:
    await sync(here, declared(), declared("beat", interval=30, allow_seconds=True))
    assert await sync(here, declared()) == SyncReport(unchanged=["report"], paused=["beat"])
    gone = await get_schedule(here.database, TENANT, "beat")
    assert (gone.paused_by, gone.source) == ("sync", "code")
    assert (await sync(here, declared())).paused == []
    await set_clock(here, NOON + timedelta(seconds=100))
    report = await sync(here, declared(), declared("beat", interval=30, allow_seconds=True))
    assert report == SyncReport(unchanged=["report"], resumed=["beat"])
    back = await get_schedule(here.database, TENANT, "beat")
    assert (back.paused, back.next_at) == (False, NOON + timedelta(seconds=120))


async def test_what_a_person_paused_stays_paused(here: Installation) -> None:
    await sync(here, declared())
    await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    assert await sync(here, declared()) == SyncReport(unchanged=["report"])
    assert (await sync(here, declared(queue="slow"))).changed == ["report"]
    assert (await get_schedule(here.database, TENANT, "report")).paused_by == "cli:ann"
    assert not (await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)).paused


async def test_schedules_that_code_does_not_own_are_left_alone(here: Installation) -> None:
    await make_schedule(here, "by-hand")
    await make_schedule(here, "report", tenant="acme")
    await sync(here, declared())
    report = await sync(
        here,
    )
    assert report == SyncReport(paused=["report"])
    assert not (await get_schedule(here.database, TENANT, "by-hand")).paused
    assert not (await get_schedule(here.database, "acme", "report")).paused


async def test_code_takes_over_a_schedule_of_its_name(here: Installation) -> None:
    made = await make_schedule(here, cron="0 3 * * *")
    assert (await sync(here, declared())).changed == ["report"]
    after = await get_schedule(here.database, TENANT, "report")
    assert (after.source, after.id, after.cursor_at) == ("code", made.id, made.cursor_at)


async def test_a_name_declared_twice_is_refused_and_nothing_stored(here: Installation) -> None:
    with pytest.raises(InvalidArgument):
        await sync(here, declared(), declared(queue="other"))
    assert await here.query("SELECT count(*) FROM rowlock.schedules") == [(0,)]


@pytest.fixture
def whenever_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[object]]], None]:
    """Lets something happen whenever a sync has read the schedules, before it changes them."""

    def after_each_read(happens: Callable[[], Awaitable[object]]) -> None:
        find = schedules.find_declared

        async def found(*about: Any) -> list[ScheduleRecord]:
            seen = await find(*about)
            await happens()
            return seen

        monkeypatch.setattr(schedules, "find_declared", found)

    return after_each_read


async def test_what_the_leader_moves_meanwhile_is_decided_anew(
    here: Installation, whenever_read: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    code = [declared("beat", interval=1, allow_seconds=True), declared("fast", interval=1, allow_seconds=True)]
    await sync(here, *code)
    moved = "UPDATE rowlock.schedules SET cursor_at = cursor_at + '1 s'::interval, next_at = next_at + '1 s'::interval"
    whenever_read(lambda: here.query(moved))
    changed = [
        declared("beat", interval=1, allow_seconds=True, queue="slow"),
        declared("fast", interval=2, allow_seconds=True),
    ]
    assert await sync(here, *changed) == SyncReport(changed=["beat", "fast"])
    beat, fast = [await get_schedule(here.database, TENANT, name) for name in ("beat", "fast")]
    second = timedelta(seconds=1)
    assert (beat.queue, beat.cursor_at, beat.next_at) == ("slow", NOON + second, NOON + 2 * second)
    assert (fast.cursor_at, fast.next_at) == (NOON + second, NOON + 2 * second)  # not back to the sync's beginning


async def test_one_that_somebody_makes_meanwhile_becomes_the_code_s(
    here: Installation, whenever_read: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    whenever_read(lambda: make_schedule(here, cron="0 3 * * *"))
    assert await sync(here, declared()) == SyncReport(changed=["report"])


async def test_one_that_never_stands_still_is_named(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    await sync(here, declared())

    async def refuse(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(declared_schedules, "store_changed", refuse)
    monkeypatch.setattr(declared_schedules, "RETRIES", declared_schedules.RETRIES.copy(stop=stop_after_attempt(1)))
    with pytest.raises(DatabaseUnavailable, match="The schedule report kept changing"):
        await sync(here, declared(queue="slow"))


async def test_deployers_at_once_agree(here: Installation) -> None:
    code = [declared(f"s{n}") for n in range(10)]
    reports = await asyncio.gather(*(sync(here, *code) for _ in range(3)))
    assert sorted(name for report in reports for name in report.created) == sorted(r.name for r in code)
    assert await here.query("SELECT count(*) FROM rowlock.schedules WHERE source = 'code'") == [(10,)]
