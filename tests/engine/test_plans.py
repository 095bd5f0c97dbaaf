"""The hot statements keep their plans: ordered index scans, nothing that reads the backlog, few rows or many."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.harness.installation import Installation

from rowlock.store.leases import ORDERED_SCANS_ONLY
from rowlock.store.links import Link
from rowlock.store.statements import statement

TAKEN = {"room": 100, "worker_id": 1, "lease_seconds": 30.0, "in_place": True}
LONG_AGO = datetime(1996, 1, 1, tzinfo=UTC)
CLAIMS: dict[str, dict[str, Any]] = {
    "claim": {
        "queues": ["default"], "priorities": [2], "lanes": ["default"], "floors": [LONG_AGO], "quotas": [100], **TAKEN
    },
    "claim_new": {"queue": "default", "priority": 2, "lane": "default", "floor_at": LONG_AGO, **TAKEN},
}  # fmt: skip


async def plan_of(link: Link, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a statement's plan; the statement is run."""
    sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}"
    found = (await link.query(sql, parameters))[0][0]
    document = json.loads(found) if isinstance(found, str) else found
    nodes: list[dict[str, Any]] = []
    pending = [document[0]["Plan"]]
    while pending:
        node = pending.pop()
        nodes.append(node)
        pending.extend(node.get("Plans", []))
    return nodes


async def fill(here: Installation, tasks: int) -> None:
    """Tasks a second apart, oldest first. Their ids are UUIDv7 too, made more cheaply than by `rowlock.new_id()`."""
    await here.query(
        "INSERT INTO rowlock.tasks_live (id, name, visible_at) "
        "SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'noop', "
        f"rowlock.clock() - make_interval(secs => {tasks} - n) "
        f"FROM generate_series(1, {tasks}) AS n"
    )


@pytest.mark.parametrize(
    ("tasks", "names"),
    [(10, ["claim"]), (10, ["claim_new"]), pytest.param(1_000_000, [*CLAIMS], marks=pytest.mark.slow)],
)
async def test_claims_walk_their_index_in_order(here: Installation, tasks: int, names: list[str]) -> None:
    """With the statistics that the planner has, and with none."""
    await fill(here, tasks)
    for name in names:
        await claims_in_order(here, name, tasks)
    await here.query("ANALYZE rowlock.tasks_live")
    for name in names:
        await claims_in_order(here, name, tasks)


async def claims_in_order(here: Installation, name: str, tasks: int) -> None:
    async with here.database.link() as link, link.transaction():
        await link.query(ORDERED_SCANS_ONLY)
        nodes = await plan_of(link, name, CLAIMS[name])
    scans = [node for node in nodes if node.get("Relation Name") == "tasks_live" and "Scan" in node["Node Type"]]
    by_index = [node for node in scans if node["Node Type"].startswith("Index")]
    assert [node["Index Name"] for node in by_index] == ["tasks_live_claim"]
    assert {node["Node Type"] for node in scans} - {"Index Scan"} == {"Tid Scan"}
    assert not [
        node
        for node in nodes
        if node["Node Type"] in ("Sort", "Bitmap Heap Scan", "Seq Scan") and node.get("Relation Name") == "tasks_live"
    ]
    assert not [node for node in nodes if "Sort" in node["Node Type"]]
    # However deep the backlog, a claim touches the pages of what it takes.
    taken = min(tasks, 100)
    buffers = nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"]
    assert buffers < 60 * taken + 600


@pytest.mark.parametrize("tasks", [10, 100_000])
async def test_finish_goes_by_the_primary_key(here: Installation, tasks: int) -> None:
    await fill(here, tasks)
    await here.query("ANALYZE rowlock.tasks_live")
    taken = await here.claim(10)
    async with here.database.link() as link, link.transaction():
        await link.query("SET LOCAL plan_cache_mode = force_generic_plan")
        tokens = [task.lease_token for task in taken]
        parameters = {"ids": [task.id for task in taken], "lease_tokens": tokens, "lock_timeout": "100ms"}
        nodes = await plan_of(link, "complete", parameters)
    if tasks > 10:  # ten rows lie on one page, which is cheaper read whole
        scans = [n for n in nodes if n.get("Relation Name") == "tasks_live" and "Scan" in n["Node Type"]]
        indexes = {n.get("Index Name") for n in nodes if n.get("Index Name")}
        assert all("Seq" not in node["Node Type"] for node in scans)
        assert "tasks_live_pkey" in indexes


async def test_overdue_tasks_are_found_by_their_index(here: Installation) -> None:
    """However many tasks there are that have a deadline ahead of them, or none."""
    await fill(here, 20_000)
    await here.query(
        "UPDATE rowlock.tasks_live "
        "SET deadline_at = rowlock.clock() + make_interval(secs => CASE WHEN place > 5 THEN 3600 ELSE -place END) "
        "FROM (SELECT id AS numbered, row_number() OVER () AS place FROM rowlock.tasks_live LIMIT 5000) AS n "
        "WHERE id = numbered"
    )
    await here.query("ANALYZE rowlock.tasks_live")
    async with here.database.link() as link, link.transaction():
        nodes = await plan_of(link, "expire_tasks", {"limit": 500})
    assert [node["Index Name"] for node in nodes if node.get("Index Name")] == ["tasks_live_deadline"]
    assert nodes[0]["Actual Rows"] == 5


async def test_lane_scan_skips_from_lane_to_lane(here: Installation) -> None:
    await fill(here, 20_000)
    await here.enqueue(tenant="zeta")
    await here.query("ANALYZE rowlock.tasks_live")
    async with here.database.link() as link, link.transaction():
        await link.query(ORDERED_SCANS_ONLY)
        nodes = await plan_of(link, "find_lanes", scan())
    assert nodes[0]["Actual Rows"] == 2
    assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] < 100


async def test_lane_scan_does_not_walk_over_what_a_pinned_horizon_keeps(here: Installation) -> None:
    """The lane that is known is looked at from its floor on, and lanes around it are found all the same."""
    await fill(here, 20_000)
    async with here.database.link() as pinning, pinning.transaction():
        await pinning.query("SELECT txid_current()")
        await here.query("DELETE FROM rowlock.tasks_live WHERE visible_at < rowlock.clock() - interval '10 s'")
        for tenant in ("alpha", "zeta"):
            await here.enqueue(tenant=tenant)
        floor = (await here.query("SELECT rowlock.clock() - interval '1 minute'"))[0][0]
        blocks = {}
        for known in (False, True):
            lanes = {"known_lanes": ["default"], "known_queues": ["default"], "known_priorities": [2]}
            parameters = {**scan(), **lanes, "known_floors": [floor]} if known else scan()
            async with here.database.link() as link, link.transaction():
                await link.query(ORDERED_SCANS_ONLY)
                nodes = await plan_of(link, "find_lanes", parameters)
                rows = await link.run("find_lanes", parameters)
            assert sorted((lane, due_in) for _, _, lane, _, due_in in rows) == [
                ("alpha", 0), ("default", 0), ("zeta", 0)
            ]  # fmt: skip
            blocks[known] = nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"]
    assert blocks[True] < 100 < blocks[False]


async def test_a_sweep_walks_each_lane_from_its_oldest_to_its_floor(here: Installation) -> None:
    await fill(here, 20_000)
    await here.enqueue(tenant="zeta")
    await here.query("ANALYZE rowlock.tasks_live")
    now = (await here.query("SELECT rowlock.clock()"))[0][0]
    asked = {
        "queues": ["default"] * 3,
        "priorities": [2] * 3,
        "lanes": ["default", "zeta", "none"],
        "begins": [LONG_AGO] * 3,
        "ends": [now] * 3,
    }
    async with here.database.link() as link, link.transaction():
        await link.query(ORDERED_SCANS_ONLY)
        nodes = await plan_of(link, "find_late", asked)
    assert [node["Index Name"] for node in nodes if node.get("Index Name")] == ["tasks_live_claim"]
    assert nodes[0]["Actual Rows"] == 2
    assert nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"] < 100


def scan() -> dict[str, Any]:
    """Parameters of `find_lanes` for one queue of which nothing is known."""
    nothing_known: dict[str, Any] = {f"known_{what}": [] for what in ("queues", "priorities", "lanes", "floors")}
    return {
        "queues": ["default"],
        "priorities": [2],
        "past": [""],
        "lanes_per_scan": 100,
        "ahead_seconds": 0,
        **nothing_known,
    }
