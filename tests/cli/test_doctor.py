"""`rowlock doctor`: a healthy installation is told from a broken one, and what is wrong comes with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from tests.cli.caller import Caller

from rowlock.engine import findings as judged
from rowlock.engine.findings import Finding
from rowlock.store.diagnostics import Holder, LiveTableReading, MissingHandler, ServerReading
from rowlock.store.worker_health import WorkerRecord

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HEALTHY = ServerReading(
    version=180_004, version_text="18.4", clock_ahead=timedelta(milliseconds=20), clock_doubt=timedelta(milliseconds=1),
    fsync=True, full_page_writes=True, synchronous_commit="on", synchronous_standby_names="", in_recovery=False,
    read_only=False, autovacuum=True, connections_max=97, connections_used=12, role="jobs", sees_sessions=True,
    pooled=False,
)  # fmt: skip
TABLE = LiveTableReading(live_rows=10_000, dead_rows=500, bytes=8 << 20, index_bytes=1 << 20, vacuumed_at=NOW)


def by_check(answer: Any) -> dict[str, str]:
    return {finding["check"]: finding["verdict"] for finding in answer.json["findings"]}


@pytest.mark.all_partitions
def test_what_was_just_migrated_has_no_problem(cli: Caller) -> None:
    answer = cli("doctor", "--json")
    found = by_check(answer)
    # The tests' own server may run without these, for speed.
    spared = {"fsync", "full_page_writes", "autovacuum"}
    assert {check for check, verdict in found.items() if verdict == "problem"} <= spared
    assert answer.code == int("problem" in found.values())
    assert answer.json["ok"] is (answer.code == 0)
    assert found["migrations"] == found["partitions"] == found["indexes"] == "ok"
    assert found["scheduler"] == "warning"
    assert len(found) == 20


@pytest.mark.parametrize(
    ("damage", "check", "verdict"),
    [
        ("ALTER DATABASE {} SET synchronous_commit = off", "synchronous_commit", "problem"),
        ("ALTER DATABASE {} SET default_transaction_read_only = on", "writable", "problem"),
        ("DELETE FROM rowlock.partition_horizon", "partitions", "problem"),
        ("UPDATE rowlock.partition_horizon SET last_day = rowlock.today() + 31", "partitions", "problem"),
        ("SELECT rowlock.pause_queue('mail', '*')", "paused queues", "warning"),
        ("SELECT rowlock.enqueue('a.b', queue => 'nobody')", "workers", "problem"),
        (
            "INSERT INTO rowlock.tasks_live (id, name, reason, visible_at)"
            " SELECT gen_random_uuid(), 'mail.send', 'no_handler', now() FROM generate_series(1, 3)",
            "handlers",
            "warning",
        ),
        (
            "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at)"
            " SELECT 'w', 'h', 1, '0', '{{a}}', 8, now(), CASE WHEN n > 1 THEN now() END"
            " FROM generate_series(1, 1001) AS n",
            "workers",
            "warning",
        ),
        (
            "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at)"
            " VALUES ('w', 'h', 1, '0', '{{a}}', 8, now() - interval '1 minute', now())",
            "workers",
            "warning",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'rowlock.tasks_live_claim'::regclass",
            "indexes",
            "problem",
        ),
        (
            "INSERT INTO rowlock.audit_log VALUES ('2001-01-01', 'default', 'a', 'b', 'c', 'd')",
            "default partitions",
            "warning",
        ),
    ],
)
def test_damage_is_found(cli: Caller, database_url: str, damage: str, check: str, verdict: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(damage.format(connection.info.dbname))  # type: ignore[call-overload]
    answer = cli("doctor", "--json")
    assert by_check(answer)[check] == verdict
    [finding] = [each for each in answer.json["findings"] if each["check"] == check]
    assert finding["advice"]
    text = cli("doctor")
    assert finding["detail"] in text.out
    assert (text.code == 1) is (answer.code == 1)


def test_a_role_from_which_sessions_are_hidden_learns_that_it_may_see_too_little(database_url: str) -> None:
    """It counts them all the same."""
    with psycopg.connect(database_url, autocommit=True) as connection, psycopg.connect(database_url):
        role = f"{connection.info.dbname}-jobs"
        as_role = f"{database_url}{'&' if '?' in database_url else '?'}options={quote(f'-c role={role}')}"
        connection.execute(f'CREATE ROLE "{role}" IN ROLE rowlock_operator')  # type: ignore[call-overload]
        try:
            cli = Caller({"ROWLOCK_DATABASE_URL": as_role})
            found = {each["check"]: each for each in cli("doctor", "--json").json["findings"]}
            finding, counted = found["old snapshots"], found["connections"]["detail"]
            assert finding["verdict"] == "warning"
            assert int(counted.split()[0]) >= 3, counted  # the test's two, and the doctor's own
            [grant] = re.findall(r"GRANT pg_read_all_stats TO \S+;", finding["advice"])
            connection.execute(grant)
            assert by_check(cli("doctor", "--json"))["old snapshots"] == "ok"
        finally:
            connection.execute(f'DROP ROLE "{role}"')  # type: ignore[call-overload]


def test_a_schema_that_is_not_migrated_is_a_problem(empty_database_url: str) -> None:
    cli = Caller({"ROWLOCK_DATABASE_URL": empty_database_url})
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert by_check(answer)["migrations"] == "problem"
    assert cli("migrate", "--revision", "0005").code == 0
    assert "The database is at 0005" in cli("doctor").out


def test_a_server_that_cannot_be_reached_is_a_problem(cli_without_database: Caller) -> None:
    answer = cli_without_database("doctor", "--json", "--database-url", "postgresql://postgres@127.0.0.1:1/none")
    assert answer.code == 1
    [finding] = answer.json["findings"]
    assert (finding["check"], finding["verdict"]) == ("connection", "problem")


def a_worker(health: str) -> WorkerRecord:
    return WorkerRecord(1, f"w-{health}", "h", 1, "0", ["a"], 1, 0, health, None, False, NOW, NOW)


@pytest.mark.parametrize(
    ("judgement", "verdict"),
    [
        (lambda: judged.judge_version(HEALTHY), "ok"),
        (lambda: judged.judge_version(replace(HEALTHY, version=140_010)), "problem"),
        (lambda: judged.judge_version(replace(HEALTHY, version=190_000)), "warning"),
        (lambda: judged.judge_writable(replace(HEALTHY, in_recovery=True)), "problem"),
        (lambda: judged.judge_fsync(HEALTHY), "ok"),
        (lambda: judged.judge_fsync(replace(HEALTHY, fsync=False)), "problem"),
        (lambda: judged.judge_full_page_writes(replace(HEALTHY, full_page_writes=False)), "problem"),
        (lambda: judged.judge_synchronous_commit(replace(HEALTHY, synchronous_commit="local")), "ok"),
        (
            lambda: judged.judge_synchronous_commit(
                replace(HEALTHY, synchronous_commit="local", synchronous_standby_names="*")
            ),
            "warning",
        ),
        (lambda: judged.judge_connections(replace(HEALTHY, connections_used=85)), "warning"),
        (lambda: judged.judge_connections(replace(HEALTHY, connections_used=96)), "problem"),
        (lambda: judged.judge_clock(replace(HEALTHY, clock_ahead=timedelta(hours=-1))), "warning"),
        (
            lambda: judged.judge_clock(
                replace(HEALTHY, clock_ahead=timedelta(seconds=3), clock_doubt=timedelta(seconds=2))
            ),
            "ok",
        ),
        (lambda: judged.judge_pooler(replace(HEALTHY, pooled=True)), "warning"),
        (lambda: judged.judge_autovacuum(replace(HEALTHY, autovacuum=False)), "problem"),
        (lambda: judged.judge_partitions(14, 14), "ok"),
        (lambda: judged.judge_partitions(5, 14), "warning"),
        (lambda: judged.judge_partitions(-3, 14), "problem"),
        (lambda: judged.judge_live_table(TABLE), "ok"),
        (lambda: judged.judge_live_table(replace(TABLE, dead_rows=90_000)), "warning"),
        (lambda: judged.judge_live_table(replace(TABLE, live_rows=10, index_bytes=1 << 30)), "warning"),
        (lambda: judged.judge_holders([], HEALTHY), "ok"),
        (lambda: judged.judge_holders([Holder("session", "process 7", 5, 10.0)], HEALTHY), "ok"),
        (lambda: judged.judge_holders([Holder("session", "process 7", 5, 600.0)], HEALTHY), "warning"),
        (lambda: judged.judge_holders([Holder("session", "process 7", 5, 7_200.0)], HEALTHY), "problem"),
        (lambda: judged.judge_holders([Holder("slot", "s", 2_000_000, None)], HEALTHY), "problem"),
        (lambda: judged.judge_holders([Holder("standby", "s", 20_000, None)], HEALTHY), "warning"),
        (lambda: judged.judge_holders([], replace(HEALTHY, sees_sessions=False)), "warning"),
        (
            lambda: judged.judge_holders([Holder("slot", "s", 2_000_000, None)], replace(HEALTHY, sees_sessions=False)),
            "problem",
        ),
        (lambda: judged.judge_prepared([Holder("prepared", "gid", 5, 10.0)]), "ok"),
        (lambda: judged.judge_prepared([Holder("prepared", "gid", 5, 100.0)]), "problem"),
        (lambda: judged.judge_workers([a_worker("healthy")], ["a"], ["a"]), "ok"),
        (lambda: judged.judge_workers([a_worker("unhealthy")], ["a"], ["a"]), "warning"),
        (lambda: judged.judge_workers([a_worker("gone")], [], []), "warning"),
        (lambda: judged.judge_workers([], ["a"], []), "problem"),
        (lambda: judged.judge_workers([], [], []), "ok"),
        (lambda: judged.judge_handlers([]), "ok"),
        (lambda: judged.judge_handlers([MissingHandler("mail", "mail.send", None, 3)]), "warning"),
        (lambda: judged.judge_scheduler(1.0), "ok"),
        (lambda: judged.judge_scheduler(300.0), "warning"),
    ],
)
def test_judgements(judgement: Callable[[], Finding], verdict: str) -> None:
    finding = judgement()
    assert finding.verdict == verdict, finding
    assert bool(finding.advice) is (verdict != "ok")


def test_the_doctor_names_the_handlers_that_are_missing_and_the_versions_that_none_knows() -> None:
    found = judged.judge_handlers(
        [MissingHandler("mail", "mail.send", None, 9_000), MissingHandler("default", "mail.count", 4, 1)]
    )
    assert found.detail.endswith("mail.send (9000 in mail), mail.count of version 4 (1 in default).")
