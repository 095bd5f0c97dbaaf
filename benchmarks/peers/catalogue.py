"""The peers as systems, and where their environment lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.systems import System

FOLDER = Path(__file__).parents[1] / ".peers"
PYTHON = FOLDER / "python" / "bin" / "python"
NODE = FOLDER / "node" / "node_modules" / "node" / "bin" / "node"
INSTALLED = FOLDER / ".installed"


# Its own view of all jobs takes a minute over twenty thousand. So: what its storage still holds, beside what is
# completed of that; what it has rotated away was completed.
AWA_LEFT = """
SELECT EXISTS (SELECT FROM awa.leases)
    OR EXISTS (SELECT FROM awa.queue_enqueue_heads AS enqueued JOIN awa.queue_claim_heads AS claimed
                     USING (queue, priority, enqueue_shard)
                WHERE awa.sequence_next_value(enqueued.seq_name) > awa.sequence_next_value(claimed.seq_name))
    OR (SELECT count(*) FROM awa.ready_entries)
       > (SELECT coalesce(sum(completed_count), 0) FROM awa.receipt_completion_batches)
         + (SELECT count(*) FROM awa.done_entries)
"""


def _in_python(name: str, module: str, version: str, left: str, settings: str, **more: Any) -> System:
    program = (str(PYTHON), "-m", f"benchmarks.peers.{module}")
    return System(name, program, (*program, "work"), left, settings, version, **more)


def _in_node(name: str, module: str, version: str, left: str, settings: str) -> System:
    program = (
        str(NODE),
        "--preserve-symlinks",
        "--preserve-symlinks-main",
        str(FOLDER / "node" / "programs" / f"{module}.mjs"),
    )
    return System(name, program, (*program, "work"), left, settings, version)


PEERS: tuple[System, ...] = (
    _in_node(
        "Graphile Worker", "graphile", "0.18.0",
        "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs)",
        "concurrency 24, `localQueue` of 500, batch delays 0, Node 22",
    ),
    _in_node(
        "pg-boss", "pgboss", "12.38.0",
        "SELECT EXISTS (SELECT FROM pgboss.job WHERE state < 'completed')",
        "batches of 500, two work loops, NOTIFY and `burstWhenBatchFull` on, Node 22",
    ),
    _in_python(
        "pgmq's SQL", "pgmq", "1.13.0",
        "SELECT EXISTS (SELECT FROM pgmq.q_bench)",
        "a loop: read 500, delete 500, asyncpg and uvloop; a bare queue, no job system; its table for throttling "
        "notifications, unused here, is unlogged", unlogged=("pgmq.notify_insert_throttle",),
    ),
    _in_python(
        "PgQueuer", "pgqueuer", "1.6.0",
        "SELECT EXISTS (SELECT FROM pgqueuer)",
        "asyncpg, uvloop, batches of 500, its own autovacuum settings", tasks_share=0.5,
    ),
    _in_python(
        "Awa", "awa", "0.6.9",
        AWA_LEFT,
        "queue storage, 1,024 workers, claims of 512", tasks_share=0.25,
    ),
    _in_python(
        "Procrastinate", "procrastinate", "3.10.0",
        "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))",
        "uvloop, concurrency 10", tasks_share=0.02, churns=False,
    ),
    _in_python(
        "DBOS", "dbos", "3.4.0",
        "SELECT EXISTS (SELECT FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING'))",
        "polling every 0.1 s, a pool of 20", tasks_share=0.02, churns=False,
    ),
)  # fmt: skip


def installed() -> bool:
    """Whether `make bench-peers` has installed them."""
    return INSTALLED.exists()
