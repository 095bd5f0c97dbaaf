"""Partitions of a test's database: those there are, old ones made to order, and readers that hold them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from tests.harness.installation import Installation

SPANS = {"tasks": "day", "executions": "day", "steps": "day", "schedule_windows": "month", "audit_log": "month"}


async def partitions(here: Installation, parent: str) -> set[str]:
    """The attached partitions of a table."""
    rows = await here.query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %(parent)s::regclass",
        {"parent": f"rowlock.{parent}"},
    )
    return {row[0].removeprefix("rowlock.") for row in rows}


async def tables(here: Installation) -> set[str]:
    """All tables of the installation, partitions or not."""
    rows = await here.query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'rowlock'")
    return {row[0] for row in rows}


async def today(here: Installation) -> date:
    day: date = (await here.query("SELECT rowlock.today()"))[0][0]
    return day


def name_of(parent: str, first: date) -> str:
    return f"{parent}_{first:%Y%m%d}" if SPANS[parent] == "day" else f"{parent}_{first:%Y%m}"


async def make_partition(here: Installation, parent: str, days_ago: int) -> str:
    """Makes and attaches the partition of a day long gone, or of its month; its name."""
    first = await today(here) - timedelta(days=days_ago)
    past = first + timedelta(days=1)
    if SPANS[parent] == "month":
        first = first.replace(day=1)
        past = (first + timedelta(days=32)).replace(day=1)
    name = name_of(parent, first)
    await here.query(
        f"CREATE TABLE rowlock.{name} PARTITION OF rowlock.{parent} FOR VALUES FROM ('{first}') TO ('{past}')"
    )
    return name


@asynccontextmanager
async def report_on(here: Installation, *names: str) -> AsyncIterator[None]:
    """A report that has read these tables and keeps its transaction open."""
    link = await here.database.own_link("report")
    try:
        async with link.transaction():
            for name in names:
                await link.query(f"SELECT count(*) FROM rowlock.{name}")
            yield
    finally:
        await link.close()
