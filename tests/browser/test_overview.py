"""What the overview says of the whole, and where it leads."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site
from tests.harness.installation import Installation
from tests.harness.schedules import new_epoch

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_that_no_scheduler_leads_is_said_with_what_to_do(site: Site, open_page: Opener) -> None:
    page = await open_page(scope="read")
    said = page.get_by_label("Scheduler")
    await expect(said).to_contain_text("none has ever led")
    await expect(said).to_contain_text("Start it: rowlock scheduler")

    await new_epoch(Installation(site.database))
    await site.sql("UPDATE rowlock.leaders SET renewed_at = rowlock.clock() + interval '1 hour'")
    await page.reload()
    await expect(page.get_by_text("No queue has tasks yet.")).to_be_visible()
    await expect(page.locator(".loading")).to_have_count(0)
    await expect(said).to_have_count(0)

    await site.sql("UPDATE rowlock.leaders SET renewed_at = rowlock.clock() - interval '2 hours'")
    await page.reload()
    await expect(said).to_contain_text("the last was heard of 2 h ago")
