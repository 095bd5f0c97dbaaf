"""A schedule's page says why a window did not fire, and what decides it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site
from tests.harness.installation import Installation
from tests.harness.schedules import make_schedule, new_epoch

from rowlock.engine.fire import fire_due

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AN_HOUR_AGO = "UPDATE rowlock.schedules SET {} = {} - interval '1 hour'"


async def test_a_schedule_says_why_it_does_not_run(site: Site, open_page: Opener) -> None:
    here = Installation(site.database)
    await make_schedule(here, missed_run_policy="catch_up", max_catch_up=3, overlap_policy="skip", jitter=2)
    for column in ("created_at", "cursor_at", "next_at"):
        await site.sql(AN_HOUR_AGO.format(column, column))
    page = await open_page("schedules/report")
    stands = page.get_by_role("region", name="How it stands")
    await expect(stands).to_contain_text("scheduler_absent")
    await expect(stands).to_contain_text("Start one: rowlock scheduler.")
    for title, value in {
        "Missed runs": "catch up", "Catches up": "the newest 3", "Misfire grace": "1 m 00 s", "Overlap": "skip",
        "Jitter": "up to 2.0 s",
    }.items():  # fmt: skip
        await expect(page.locator(".facts > div", has_text=title)).to_contain_text(value)

    await fire_due(site.database, await new_epoch(here))
    windows = page.get_by_role("region", name="Windows").locator("tbody tr")
    skipped = windows.filter(has_text="beyond_max_catch_up").first
    await skipped.locator("summary").click()
    await expect(skipped).to_contain_text("more windows were missed than max_catch_up allowed at that time")
    await expect(skipped).to_contain_text("rowlock schedules backfill report")
