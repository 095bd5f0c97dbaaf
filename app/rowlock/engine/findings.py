"""What the doctor concludes from what was read: pure judgements, each ok, a warning or a problem with what to do.

A problem breaks a promise or stops the work, now or soon. A warning costs speed, or will become a problem unless
somebody looks after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from rowlock.store.diagnostics import Holder, LiveTableReading, MissingHandler, ServerReading
from rowlock.store.revisions import is_ahead
from rowlock.store.worker_health import WorkerRecord

Verdict = Literal["ok", "warning", "problem"]

OLDEST_VERSION, NEWEST_VERSION = 15, 18
CLOCK_TOLERANCE = timedelta(seconds=2)
CROWDED, FULL = 0.8, 0.95
OLD_SECONDS, ANCIENT_SECONDS = 60, 3_600
OLD_TRANSACTIONS, ANCIENT_TRANSACTIONS = 10_000, 1_000_000
LEAST_DAYS_AHEAD = 2
FEW_DEAD_ROWS = 20_000
SMALL_INDEX_BYTES, BYTES_PER_ROW = 64 << 20, 4_096
MANY = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do about it where it is not ok."""

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""


def judge_version(server: ServerReading) -> Finding:
    major = server.version // 10_000
    said = f"PostgreSQL {server.version_text}"
    if major < OLDEST_VERSION:
        return Finding(
            "server", "problem", said, f"rowlock needs PostgreSQL {OLDEST_VERSION} to {NEWEST_VERSION}: upgrade it."
        )
    if major > NEWEST_VERSION:
        return Finding("server", "warning", said, f"rowlock is tested with {OLDEST_VERSION} to {NEWEST_VERSION} only.")
    return Finding("server", "ok", said)


def judge_writable(server: ServerReading) -> Finding:
    if server.in_recovery:
        return Finding(
            "writable", "problem", "The server is a standby, which takes no writes.", "Connect to the primary."
        )
    if server.read_only:
        return Finding(
            "writable", "problem", "Transactions are read-only here.",
            "Unset default_transaction_read_only for this database or role, or connect to the primary.",
        )  # fmt: skip
    return Finding("writable", "ok", "The server takes writes.")


def judge_fsync(server: ServerReading) -> Finding:
    if server.fsync:
        return Finding("fsync", "ok", "on")
    return Finding(
        "fsync", "problem", "off: a crash of the machine loses acknowledged tasks, or the whole database.",
        "Set fsync = on and reload the server.",
    )  # fmt: skip


def judge_full_page_writes(server: ServerReading) -> Finding:
    if server.full_page_writes:
        return Finding("full_page_writes", "ok", "on")
    return Finding(
        "full_page_writes", "problem", "off: a crash of the machine may leave torn pages.",
        "Set full_page_writes = on and reload the server.",
    )  # fmt: skip


def judge_synchronous_commit(server: ServerReading) -> Finding:
    level, check = server.synchronous_commit, "synchronous_commit"
    if level == "off":
        return Finding(
            check, "problem", "off: a crash loses what was acknowledged in the last moments.",
            "Set synchronous_commit = on for this database or role.",
        )  # fmt: skip
    if level in ("local", "remote_write") and server.synchronous_standby_names:
        return Finding(
            check, "warning", f"{level}: a failover may lose what the standby has not flushed.",
            "Set synchronous_commit = on for this database or role.",
        )  # fmt: skip
    return Finding(check, "ok", level)


def judge_connections(server: ServerReading) -> Finding:
    used, most = server.connections_used, server.connections_max
    said = f"{used} of {most} are in use."
    advice = "Raise max_connections, lower ROWLOCK_POOL_MAX, or put a pooler in front."
    if used >= FULL * most:
        return Finding("connections", "problem", said, advice)
    if used >= CROWDED * most:
        return Finding("connections", "warning", said, advice)
    return Finding("connections", "ok", said)


def judge_clock(server: ServerReading) -> Finding:
    seconds = server.clock_ahead.total_seconds()
    if abs(server.clock_ahead) <= CLOCK_TOLERANCE + server.clock_doubt:
        return Finding(
            "clock", "ok", f"The server's and this host's clocks agree within {max(abs(seconds), 0.1):.1f} s."
        )
    way = "ahead of" if seconds > 0 else "behind"
    return Finding(
        "clock", "warning", f"The server's clock is {abs(seconds):.0f} s {way} this host's.",
        "Deadlines are safe, for the server's clock decides them; logs will not match. Run NTP on both.",
    )  # fmt: skip


def judge_pooler(server: ServerReading) -> Finding:
    if not server.pooled:
        return Finding("pooler", "ok", "The connection is direct.")
    return Finding(
        "pooler", "warning", "A pooler stands between: workers and the API work, but learn of new tasks by polling.",
        "Give `rowlock scheduler` and `rowlock maintain` a ROWLOCK_DATABASE_URL that leads straight to PostgreSQL.",
    )  # fmt: skip


def judge_autovacuum(server: ServerReading) -> Finding:
    if server.autovacuum:
        return Finding("autovacuum", "ok", "on")
    return Finding(
        "autovacuum", "problem", "off: dead rows pile up, and claims get slower and slower.",
        "Set autovacuum = on and track_counts = on, and reload the server.",
    )  # fmt: skip


def judge_migrations(found: str | None, head: str) -> Finding:
    if found == head:
        return Finding("migrations", "ok", f"at {head}")
    if is_ahead(found, head):
        return Finding(
            "migrations", "warning", f"The database is ahead, at {found}; this version knows it to {head}.",
            "Nothing while you upgrade, or after you have gone back: it serves as before. Else upgrade rowlock here.",
        )  # fmt: skip
    said = f"The database is at {found or 'nothing'}; this version needs {head}."
    return Finding("migrations", "problem", said, "Run `rowlock migrate`.")


def judge_partitions(days_ahead: int | None, wanted: int) -> Finding:
    advice = "Run `rowlock maintain`, and see that a scheduler runs, which does it by itself."
    if days_ahead is None:
        return Finding("partitions", "problem", "No day has a partition.", advice)
    said = f"{days_ahead} days are prepared."
    if days_ahead < LEAST_DAYS_AHEAD:
        return Finding("partitions", "problem", said, advice)
    if days_ahead < wanted // 2:
        return Finding("partitions", "warning", said, advice)
    return Finding("partitions", "ok", said)


def judge_default_partitions(filled: Sequence[str]) -> Finding:
    if not filled:
        return Finding("default partitions", "ok", "empty")
    return Finding(
        "default partitions", "warning", f"Rows lie in {_some(filled)}, for want of a partition of their own.",
        "Run `rowlock maintain`, which moves them.",
    )  # fmt: skip


def judge_live_table(table: LiveTableReading) -> Finding:
    said = f"about {table.live_rows} live and {table.dead_rows} dead rows, {_size(table.bytes)}"
    if table.dead_rows > max(FEW_DEAD_ROWS, 2 * table.live_rows):
        return Finding(
            "live table", "warning", said,
            "Claims slow down. See `old snapshots` for what holds the cleaning back, then VACUUM tasks_live.",
        )  # fmt: skip
    if table.index_bytes > SMALL_INDEX_BYTES + BYTES_PER_ROW * table.live_rows:
        return Finding(
            "live table", "warning", f"{said}, of which {_size(table.index_bytes)} are indexes",
            "The indexes have grown far beyond their rows: REINDEX TABLE CONCURRENTLY tasks_live.",
        )  # fmt: skip
    return Finding("live table", "ok", said)


def judge_holders(holders: Sequence[Holder], server: ServerReading) -> Finding:
    old = [holder for holder in holders if holder.kind != "prepared" and _is_old(holder)]
    if not old and not server.sees_sessions:
        return Finding(
            "old snapshots", "warning",
            "Sessions of other roles, and standbys, are hidden from this role: they may keep dead rows.",
            f"Let a superuser run GRANT pg_read_all_stats TO {server.role}; and ask again.",
        )  # fmt: skip
    if not old:
        return Finding("old snapshots", "ok", "Nobody keeps dead rows from being cleaned away.")
    ancient = any(_is_old(holder, ANCIENT_SECONDS, ANCIENT_TRANSACTIONS) for holder in old)
    advice = {
        "session": "End that session's transaction, or the session: SELECT pg_terminate_backend(pid).",
        "slot": "See why the slot's consumer is behind, or drop the slot.",
        "standby": "Shorten the standby's reports, or turn hot_standby_feedback off there.",
    }
    return Finding(
        "old snapshots",
        "problem" if ancient else "warning",
        f"Dead rows are kept for {_some([_described(holder) for holder in old])}.",
        advice[old[0].kind],
    )


def judge_prepared(holders: Sequence[Holder]) -> Finding:
    prepared = [holder for holder in holders if holder.kind == "prepared"]
    forgotten = [holder for holder in prepared if (holder.age_seconds or 0) > OLD_SECONDS]
    if not forgotten:
        said = f"{len(prepared)} in progress" if prepared else "none"
        return Finding("prepared transactions", "ok", said)
    return Finding(
        "prepared transactions", "problem",
        f"{_some([_described(holder) for holder in forgotten])} hold locks and dead rows until somebody ends them.",
        "COMMIT PREPARED or ROLLBACK PREPARED them, and find the transaction manager that forgot them.",
    )  # fmt: skip


def judge_indexes(invalid: Sequence[str]) -> Finding:
    if not invalid:
        return Finding("indexes", "ok", "all valid")
    return Finding(
        "indexes", "problem", f"PostgreSQL does not use {_some(invalid)}.",
        "REINDEX INDEX CONCURRENTLY each, or drop those whose names end in _ccnew.",
    )  # fmt: skip


def judge_paused_queues(paused: Sequence[tuple[str, str]]) -> Finding:
    if not paused:
        return Finding("paused queues", "ok", "none")
    names = [f"{queue} (all tenants)" if tenant == "*" else f"{queue} (tenant {tenant})" for tenant, queue in paused]
    return Finding(
        "paused queues",
        "warning",
        f"Nothing is claimed from {_some(names)}.",
        "`rowlock queues resume` lets them go on.",
    )


def judge_workers(workers: Sequence[WorkerRecord], queues: Sequence[str], served: Sequence[str]) -> Finding:
    """Of all workers known, the queues that have tasks, and those that live workers take from."""
    by_health = {
        health: [worker.name for worker in workers if worker.health == health]
        for health in ("healthy", "degraded", "unhealthy", "gone")
    }
    live = len(by_health["healthy"]) + len(by_health["degraded"])
    unserved = [queue for queue in queues if queue not in served]
    if unserved:
        return Finding(
            "workers", "problem", f"No worker takes from {_some(unserved)}, where tasks wait.",
            "Start one: rowlock worker MODULE:app --queues …",
        )  # fmt: skip
    if by_health["unhealthy"]:
        said = f"Unhealthy: {_some(by_health['unhealthy'])}."
        return Finding("workers", "warning", said, "Read their logs; `rowlock workers` shows the reason.")
    if by_health["gone"]:
        said = f"No heartbeat from {_some(by_health['gone'])}."
        return Finding("workers", "warning", said, "Their tasks are taken over; find out why they vanished.")
    return Finding("workers", "ok", f"{live} at work" if live else "none, and no tasks wait")


def judge_handlers(missing: Sequence[MissingHandler]) -> Finding:
    if not missing:
        return Finding("handlers", "ok", "no task waits for one")
    wanted = [
        f"{one.name}{'' if one.version is None else f' of version {one.version}'} ({one.tasks} in {one.queue})"
        for one in missing
    ]
    return Finding(
        "handlers", "warning", f"Tasks wait for a handler that no worker has had that met them: {_some(wanted)}.",
        "Nothing while you deploy it. Else deploy workers that have it, and take those queues; or cancel the tasks.",
    )  # fmt: skip


def judge_scheduler(silent_seconds: float | None) -> Finding:
    """How long ago the leader last said that it leads; None where there never was one."""
    advice = "Start one: rowlock scheduler. Without it no schedule fires and no partition is made or dropped."
    if silent_seconds is None:
        return Finding("scheduler", "warning", "None has ever led.", advice)
    if silent_seconds > OLD_SECONDS:
        return Finding("scheduler", "warning", f"None leads; the last was heard of {silent_seconds:.0f} s ago.", advice)
    return Finding("scheduler", "ok", "one leads")


def _is_old(holder: Holder, seconds: float = OLD_SECONDS, transactions: int = OLD_TRANSACTIONS) -> bool:
    if holder.age_seconds is not None:
        return holder.age_seconds > seconds
    return (holder.age_transactions or 0) > transactions


def _described(holder: Holder) -> str:
    age = f"{holder.age_seconds:.0f} s" if holder.age_seconds is not None else f"{holder.age_transactions} transactions"
    kind = "" if holder.kind == "session" else f"{holder.kind} "
    return f"{kind}{holder.name} since {age}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count //= 1024
    return f"{count} GB"
