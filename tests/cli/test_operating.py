"""Looking at tasks, queues, schedules, keys and workers, and operating them, as people and as programs do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from tests.cli.caller import Caller
from tests.harness.eventually import eventually_sync

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.engine.operate import Actor, redrive_task
from rowlock.store.database import Database
from rowlock.store.statements import statement


async def gone(*_: object, **__: object) -> None:
    """What every statement says of a database that has gone away."""
    raise DatabaseUnavailable("The database is away.")


@pytest.fixture
def dead_task(cli: Caller, database_url: str) -> str:
    """A task that failed for good, in queue `q`."""
    task = cli.json("enqueue", "mail.send", "--queue", "q")["id"]
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM rowlock.tasks_live WHERE id = %s", (task,))
        connection.execute(
            "INSERT INTO rowlock.tasks (id, queue, name, status, attempt, reason, error, finished_at, expires_on)"
            " VALUES (%s, 'q', 'mail.send', 'dead', 4, 'error', 'no \x1b[31mroute', now(), rowlock.today() + 7)",
            (task,),
        )
    return str(task)


def test_tasks_list_pages_through_all(cli: Caller) -> None:
    ids = [cli.json("enqueue", f"job.{number}", "--tag", "t")["id"] for number in range(5)]
    first = cli.json("tasks", "list", "--limit", "3", "--tag", "t")
    second = cli.json("tasks", "list", "--limit", "3", "--tag", "t", "--before", first["next_before"])
    assert [task["id"] for task in first["items"] + second["items"]] == ids[::-1]
    assert second["next_before"] is None
    assert first["items"][0]["priority"] == "normal"
    assert cli.json("tasks", "list", "--name", "job.2")["items"][0]["id"] == ids[2]
    assert cli.json("tasks", "list", "--status", "dead", "--status", "running")["items"] == []


def test_tables_in_a_pipe_are_whole_and_plain(cli: Caller) -> None:
    name = "a.name.that.is.longer.than.any.terminal." * 4
    task = cli.json("enqueue", name)["id"]
    out = cli("tasks", "list").out
    assert out.splitlines()[1].split() == [task, "ready", name, "default", out.splitlines()[1].split()[-1]]
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert cli("tasks", "list", "--status", "dead").out == "No tasks.\n"


def test_show_tells_all_of_a_task(cli: Caller, dead_task: str) -> None:
    shown = cli.json("tasks", "show", dead_task)
    assert shown["status"] == "dead"
    assert shown["executions"] == []
    assert shown["explanations"][0]["code"] == "dead"
    text = cli("tasks", "show", dead_task).out
    assert "mail.send" in text
    assert "4 of 4" in text
    assert "\x1b" not in text


def test_steps_are_shown_first_to_last(cli: Caller, database_url: str) -> None:
    task = cli.json("enqueue", "a.b")["id"]
    assert cli("tasks", "steps", task).out == "No steps.\n"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.steps (task_id, recorded_at, lease_token, filed_on, run_seconds, occurrence, attempt,"
            " tenant_id, name, result) SELECT %s, now() + make_interval(secs => n), 1, rowlock.step_day(), 2, n, 1,"
            " 'default', 'page', jsonb_build_object('number', n) FROM generate_series(1, 250) AS n",
            (task,),
        )
    steps = cli.json("tasks", "steps", task)["items"]
    assert [step["occurrence"] for step in steps] == list(range(1, 251))
    assert (steps[0]["name"], steps[0]["attempt"], steps[0]["result"]) == ("page", 1, {"number": 1})
    heading, first, second = cli("tasks", "steps", task).out.splitlines()[:3]
    assert heading.split() == ["STEP", "ATTEMPT", "RECORDED", "RAN", "RESULT"]
    assert [first.split()[0], first.split()[-1]] == ["page", '{"number":1}']
    assert second.split()[0] == "page#2"
    assert cli("tasks", "steps", task, "--tenant", "acme").code == 3


def test_dead_letters_are_listed_and_put_back_to_work(cli: Caller, dead_task: str) -> None:
    [letter] = cli.json("dead-letters", "list")["items"]
    assert letter["id"] == dead_task
    assert dead_task in cli("dead-letters", "list", "--queue", "q").out
    assert cli("dead-letters", "list", "--queue", "other").out == "No dead letters.\n"
    assert cli.json("dead-letters", "redrive", "--queue", "other") == {"redriven": []}
    assert cli.json("dead-letters", "redrive", "--queue", "q") == {"redriven": [dead_task]}
    assert cli.json("tasks", "show", dead_task)["status"] == "ready"


def test_dead_letters_are_redriven_by_id(cli: Caller, dead_task: str) -> None:
    assert cli("dead-letters", "redrive", dead_task, "--all").code == 2
    assert cli("dead-letters", "redrive", dead_task).out == "1 task is back at work.\n"
    answer = cli("dead-letters", "redrive", dead_task, "--json")
    assert (answer.code, answer.out, answer.error["type"]) == (4, "", "task-not-redrivable")


def test_what_one_dead_letter_is_refused_leaves_the_others_be(cli: Caller, dead_task: str) -> None:
    cancelled, none = cli.json("enqueue", "a.b")["id"], str(UUID(int=1))
    assert cli("tasks", "cancel", cancelled).code == 0
    named = ["dead-letters", "redrive", dead_task, none, cancelled, dead_task]
    answer = cli(*named, "--json")
    assert answer.code == 3
    assert answer.json["redriven"] == [dead_task, cancelled]
    assert answer.json["untried"] == []
    [refused] = answer.json["refused"]
    assert (refused["id"], refused["type"], refused["exit_code"]) == (none, "not-found", 3)
    again = cli(*named)
    assert again.code == 4
    assert [line.partition(":")[0] for line in again.out.splitlines()] == [
        f"Task {each} was refused" for each in (dead_task, none, cancelled)
    ]


def test_dead_letters_tell_how_far_it_came_when_the_database_went_away(
    cli: Caller, dead_task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So its exit code is none that means that nothing was stored; but where nothing was, it is that one."""
    others = [str(UUID(int=number)) for number in (1, 2)]

    async def redrive(database: Database, tenant_id: str, task_id: UUID, *, actor: Actor) -> None:
        await (gone() if str(task_id) in others else redrive_task(database, tenant_id, task_id, actor=actor))

    monkeypatch.setattr("rowlock.cli.redriving.redrive_task", redrive)
    assert cli("dead-letters", "redrive", *others).code == 6
    answer = cli("dead-letters", "redrive", dead_task, *others)
    assert answer.code == 7
    assert answer.out.splitlines() == [
        f"Task {dead_task} is back at work.",
        f"Task {others[0]} was refused: The database is away.",
        f"Task {others[1]} was not tried.",
    ]
    assert cli.json("tasks", "show", dead_task)["status"] == "ready"


def test_cancel_is_recorded_with_its_reason_and_actor(cli: Caller, database_url: str) -> None:
    task = cli.json("enqueue", "a.b")["id"]
    assert cli.json("tasks", "cancel", task, "--reason", "too late") == {"id": task, "outcome": "cancelled"}
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT actor, action, detail FROM rowlock.audit_log").fetchone()
    assert row is not None
    assert row[0].startswith("cli")
    assert row[1] == "task.cancel"
    assert row[2]["reason"] == "too late"


def test_cancel_may_wait_and_tells_how_it_ended(cli: Caller) -> None:
    task = cli.json("enqueue", "a.b")["id"]
    assert cli.json("tasks", "cancel", task, "--wait") == {
        "id": task, "outcome": "cancelled", "status": "cancelled", "reason": "cancelled",
    }  # fmt: skip


def test_a_cancellation_whose_end_cannot_be_awaited_is_done_all_the_same(
    cli: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So its exit code is none that means that nothing was stored."""
    task = cli.json("enqueue", "a.b")["id"]
    with monkeypatch.context() as without:
        without.setattr("rowlock.cli.watching.get_task", gone)
        answer = cli("tasks", "cancel", task, "--wait")
    assert answer.code == 7
    assert answer.err.startswith(f"Error: Task {task} was cancelled, or its worker asked to stop it, but the database")
    assert cli.json("tasks", "show", task)["status"] == "cancelled"


def test_waiting_for_a_running_one_says_when_it_succeeded_all_the_same(cli: Caller, database_url: str) -> None:
    task = cli.json("enqueue", "a.b")["id"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE rowlock.tasks_live SET status = 'running', worker_id = 1, lease_token = 7, attempt = 1,"
            " started_at = now(), visible_at = now() + interval '1 hour'"
        )
        with ThreadPoolExecutor(1) as elsewhere:
            answer = elsewhere.submit(cli, "tasks", "cancel", task, "--wait")
            asked = "SELECT count(*) FROM rowlock.tasks_live WHERE cancel_requested_at IS NOT NULL"
            eventually_sync(lambda: connection.execute(asked).fetchone() == (1,))
            with connection.cursor() as cursor:
                cursor.execute(
                    statement("complete").encode(), {"ids": [UUID(task)], "lease_tokens": [7], "lock_timeout": None}
                )
            assert answer.result().code == 1
            assert "ended as succeeded." in answer.result().out


def test_another_tenant_sees_nothing(cli: Caller) -> None:
    task = cli.json("enqueue", "a.b", "--tenant", "acme")["id"]
    assert cli.json("tasks", "list")["items"] == []
    assert cli("tasks", "show", task).code == 3
    assert cli.json("tasks", "list", "--tenant", "acme")["items"][0]["id"] == task
    assert Caller({**cli.environment, "ROWLOCK_TENANT": "acme"}).json("tasks", "show", task)["id"] == task


def test_flags_may_stand_before_the_command_and_those_behind_count_more(cli: Caller) -> None:
    cli.json("--tenant", "acme", "enqueue", "a.b")
    assert len(cli.json("--tenant", "acme", "tasks", "list")["items"]) == 1
    assert cli.json("--tenant", "acme", "tasks", "list", "--tenant", "other")["items"] == []


def test_queues_are_paused_and_resumed(cli: Caller) -> None:
    cli.json("enqueue", "a.b", "--queue", "mail")
    assert cli.json("queues", "pause", "mail")["changed"] is True
    assert cli.json("queues", "pause", "mail")["changed"] is False
    [queue] = cli.json("queues", "list")["items"]
    assert (queue["name"], queue["paused"], queue["depth"]["ready"]) == ("mail", True, 1)
    assert "paused" in cli("queues", "list").out
    assert cli("queues", "resume", "mail").out == "Queue mail is resumed.\n"
    assert cli("queues", "resume", "mail").out == "Queue mail was not paused.\n"
    assert cli.json("queues", "pause", "mail", "--all-tenants")["tenant"] == "*"


def test_schedules_live_from_creation_to_deletion(cli: Caller) -> None:
    made = cli.json(
        "schedules", "create", "nightly", "--task", "report.make", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin",
        "--payload", '{"kind": "full"}', "--queue", "reports", "--priority", "low", "--missed-run-policy", "catch_up",
    )  # fmt: skip
    assert made["payload"] == {"kind": "full"}
    assert made["priority"] == "low"
    assert made["missed_run_policy"] == "catch_up"
    assert cli("schedules", "create", "nightly", "--task", "a", "--every", "15m").code == 4
    assert cli("schedules", "create", "both", "--task", "a", "--every", "15m", "--cron", "@daily").code == 2
    assert cli("schedules", "create", "often", "--task", "a.b", "--every", "15m").code == 0
    assert [each["name"] for each in cli.json("schedules", "list")["items"]] == ["nightly", "often"]
    assert "every 15m" in cli("schedules", "list").out

    assert cli.json("schedules", "pause", "often")["paused"] is True
    assert cli.json("schedules", "resume", "often")["paused"] is False
    assert len(cli.json("schedules", "windows", "nightly", "--upcoming", "4")["upcoming"]) == 4
    assert "upcoming" in cli("schedules", "windows", "nightly").out
    task = UUID(cli("schedules", "trigger", "nightly").out.strip())
    assert cli.json("tasks", "show", str(task))["queue"] == "reports"
    assert cli("schedules", "delete", "nightly").code == 0
    assert cli("schedules", "windows", "nightly").code == 3


def test_a_schedule_has_its_handler_s_defaults(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, timeout_seconds, executor)"
            " VALUES ('report.make', 'reports', 3, 9, 12, 'async')"
        )
    made = cli.json("schedules", "create", "often", "--task", "report.make", "--every", "15m", "--priority", "high")
    defaults = made["queue"], made["priority"], made["max_attempts"], made["timeout_seconds"]
    assert defaults == ("reports", "high", 9, 12)


def test_keys_are_made_listed_and_revoked(cli: Caller) -> None:
    made = cli.json("keys", "create", "--name", "ci", "--scopes", "read", "--tenant", "acme", "--expires-in", "90d")
    assert made["key"].startswith(f"rlk_{made['id']}_")
    assert made["scopes"] == ["read"]
    assert made["tenant_id"] == "acme"
    [listed] = cli.json("keys", "list", "--tenant", "acme")["items"]
    assert listed["id"] == made["id"]
    assert "key_hash" not in listed
    assert cli.json("keys", "list")["items"] == []
    assert len(cli.json("keys", "list", "--all-tenants")["items"]) == 1
    assert made["key"] not in cli("keys", "list", "--all-tenants").out
    assert cli("keys", "revoke", made["id"]).code == 3
    assert cli("keys", "revoke", made["id"], "--tenant", "acme").code == 0
    assert "revoked" in cli("keys", "list", "--tenant", "acme").out


def test_a_key_is_shown_to_people_once(cli: Caller) -> None:
    assert "rlk_" in cli("keys", "create", "--name", "me").out
    assert "rlk_" not in cli("keys", "list").out


def test_workers_and_handlers(cli: Caller, database_url: str) -> None:
    assert cli("workers").out == "No workers.\n"
    assert cli.json("handlers") == {"items": []}
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at)"
            " VALUES ('w1', 'h', 1, '0', '{a,b}', 8, now() + interval '1 hour', NULL),"
            " ('w2', 'h', 2, '0', '{a}', 8, now(), now())"
        )
    assert [worker["name"] for worker in cli.json("workers")["items"]] == ["w1"]
    assert [worker["name"] for worker in cli.json("workers", "--all")["items"]] == ["w1", "w2"]
    assert "a,b" in cli("workers").out
    assert [worker["name"] for worker in cli.json("workers", "--limit", "1")["items"]] == ["w1"]


def test_workers_that_are_not_well_say_why(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.workers"
            " (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at, health, health_reason)"
            " VALUES ('well', 'h', 1, '0', '{a}', 8, now() + interval '1 hour', NULL, 'healthy', NULL),"
            " ('ill', 'h', 2, '0', '{a}', 8, now() + interval '1 hour', NULL, 'degraded', 'The disk is full.'),"
            " ('left', 'h', 3, '0', '{a}', 8, now(), now(), 'degraded', 'It left ill.')"
        )
    lines = cli("workers", "--all").out.splitlines()
    assert lines[-2:] == ["", "2 degraded  The disk is full."]


def test_workers_that_are_not_well_come_first(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.workers"
            " (name, hostname, pid, version, queues, concurrency, health, expires_at, stopped_at)"
            " SELECT name, 'h', 1, '0', '{a}', 8, health, now() + lasts::interval, CASE WHEN stops THEN now() END"
            "   FROM (VALUES ('left', 'unhealthy', '1 hour', true), ('gone', 'healthy', '-1 minute', true),"
            "                ('sick', 'unhealthy', '1 hour', false), ('old', 'healthy', '1 hour', false),"
            "                ('weak', 'degraded', '1 hour', false), ('new', 'healthy', '1 hour', false)"
            "   ) AS made (name, health, lasts, stops)"
        )
    shown = [worker["name"] for worker in cli.json("workers")["items"]]
    assert shown == ["sick", "weak", "new", "old", "gone"]
    assert [worker["name"] for worker in cli.json("workers", "--limit", "3")["items"]] == shown[:3]
    assert [worker["name"] for worker in cli.json("workers", "--all")["items"]] == [*shown, "left"]


@pytest.mark.all_partitions
def test_maintain_says_what_it_did(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        last = connection.execute(
            "SELECT max(relname) FROM pg_class WHERE relname ~ '^executions_2[0-9]{7}$'"
        ).fetchone()
        assert last is not None
        connection.execute(f"DROP TABLE rowlock.{last[0]}")
    assert cli.json("maintain")["made"] == 1
    assert "Days ahead" in cli("maintain").out


def test_migrate_brings_an_empty_database_to_the_head(empty_database_url: str) -> None:
    cli = Caller({"ROWLOCK_DATABASE_URL": empty_database_url})
    first = cli.json("migrate", "--revision", "0001")
    assert first == {"schema": "rowlock", "from": None, "to": "0001", "notes": []}
    assert cli("migrate").out.startswith("The schema rowlock has been migrated from 0001 to ")
    assert cli("migrate").out.endswith("already.\n")
    assert cli("migrate", "--revision", "9999").code == 2
    assert cli("enqueue", "a.b").code == 0


def test_a_migration_that_cannot_be_shown_is_done_all_the_same(cli: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter(["0001"])

    def current(*_: object) -> str:
        for revision in seen:
            return revision
        raise DatabaseUnavailable("The database is away.")

    monkeypatch.setattr("rowlock.store.revisions.current_revision", current)
    answer = cli("migrate")
    assert answer.code == 7
    assert answer.err.startswith("Error: The schema rowlock was migrated, but the database")


def test_migrate_prints_sql_without_a_database(cli_without_database: Caller) -> None:
    out = cli_without_database("migrate", "--sql", "--schema", "jobs").out
    assert 'CREATE SCHEMA "jobs"' in out
    assert "rowlock." not in "".join(line for line in out.splitlines(keepends=True) if "CREATE TABLE" in line)
