"""`rowlock schedules`: making, changing, looking ahead and back, firing after all, and syncing what code declares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.cli.caller import Caller

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("rule", "kind", "told"),
    [
        (("--cron", "0 9 * * 1-5"), "cron", "At 09:00, Monday through Friday (Europe/Berlin)"),
        (("--every", "90m", "--jitter", "5m"), "interval", "up to 0:05:00 later"),
        (("--once", "2060-03-01T09:00"), "once", "Once, at 2060-03-01 09:00:00 (Europe/Berlin)"),
        (("--calendar", "2 weeks at 03:30"), "calendar", "Every 2 weeks at 03:30"),
        (("--cron", "30 0 9 * * *", "--allow-seconds"), "cron", "At 09:00:30"),
    ],
)
def test_each_kind_of_rule_is_tried_made_and_shown(cli: Caller, rule: tuple[str, ...], kind: str, told: str) -> None:
    tried = cli("schedules", "next", *rule, "--timezone", "Europe/Berlin", "-n", "3")
    assert (tried.code, told in tried.out) == (0, True), tried
    assert cli.json("schedules", "list")["items"] == []
    made = cli("schedules", "create", "s", "--task", "t", *rule, "--timezone", "Europe/Berlin")
    assert (made.code, told in made.out) == (0, True), made
    shown = cli.json("schedules", "show", "s")
    assert (shown["trigger_kind"], told in shown["description"]) == (kind, True)
    assert told in cli("schedules", "show", "s").out
    ahead = cli.json("schedules", "next", "s", "-n", "3")
    assert len(ahead["windows"]) == (1 if kind == "once" else 3)
    assert ahead["windows"][0]["due_at"] == shown["next_at"]


def test_a_schedule_is_changed_in_part(cli: Caller) -> None:
    cli.json(
        "schedules", "create", "s", "--task", "t", "--every", "1h", "--overlap-policy", "skip", "--misfire-grace", "2m",
        "--missed-run-policy", "catch_up", "--catch-up-window", "2d", "--max-catch-up", "7", "--timeout", "30s",
        "--starts-at", "2020-01-01T00:00Z", "--ends-at", "2090-01-01T00:00Z", "--payload", '{"a": 1}', "--tag", "x",
    )  # fmt: skip
    changed = cli.json(
        "schedules", "update", "s", "--cron", "@daily", "--timezone", "Asia/Tokyo", "--payload", '{"a": 2}',
        "--overlap-policy", "cancel_running", "--task", "other", "--priority", "1", "--clear", "ends-at",
        "--clear", "timeout", "--clear", "catch_up_window",
    )  # fmt: skip
    expected = {
        "trigger_kind": "cron", "expression": "@daily", "timezone": "Asia/Tokyo", "payload": {"a": 2},
        "overlap_policy": "cancel_running", "task_name": "other", "priority": "high", "ends_at": None,
        "timeout_seconds": None, "catch_up_window_seconds": None, "misfire_grace_seconds": 120, "max_catch_up": 7,
        "missed_run_policy": "catch_up", "tags": ["x"],
    }  # fmt: skip
    assert changed | expected == changed
    assert changed["starts_at"].startswith("2020-01-01T00:00:00")
    before = cli.json("schedules", "show", "s")
    for wrong in (
        (),
        ("--cron", "nonsense"),
        ("--overlap-policy", "maybe"),
        ("--every", "5s"),
        ("--timezone", "Mars/Olympus"),
        ("--clear", "queue"),
        ("--ends-at", "2020-01-01T00:00Z"),
        ("--jitter", "long"),
    ):
        assert cli("schedules", "update", "s", *wrong).code == 2, wrong
    assert cli("schedules", "update", "absent", "--cron", "@daily").code == 3
    assert cli.json("schedules", "show", "s")["updated_at"] == before["updated_at"]


def test_a_schedule_has_the_version_of_the_registered_handler(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor, payload_version)"
            " VALUES ('t', 'default', 2, 4, 'async', 2)"
        )
    made = cli.json("schedules", "create", "s", "--task", "t", "--cron", "@daily")
    moved = cli.json("schedules", "create", "m", "--task", "elsewhere", "--cron", "@daily")
    assert (made["payload_version"], moved["payload_version"]) == (2, 1)
    assert cli.json("schedules", "update", "m", "--task", "t")["payload_version"] == 2
    assert "payload_version" in cli("schedules", "show", "m").out


def test_a_schedule_has_the_version_that_is_said(cli: Caller) -> None:
    made = cli.json("schedules", "create", "s", "--task", "t", "--cron", "@daily", "--payload-version", "3")
    assert made["payload_version"] == 3
    assert cli.json("schedules", "update", "s", "--payload-version", "4")["payload_version"] == 4
    assert cli("schedules", "update", "s", "--payload-version", "0").code == 2


def test_a_trigger_may_be_repeated_under_its_id(cli: Caller) -> None:
    chosen = "0192f0c1-6d2a-7cc3-9d4e-0123456789ab"
    cli.json("schedules", "create", "s", "--task", "t", "--cron", "@daily")
    assert cli("schedules", "trigger", "s", "--id", chosen).out == f"{chosen}\n"
    again = cli("schedules", "trigger", "s", "--id", chosen)
    assert (again.code, again.out, "earlier task" in again.err) == (0, f"{chosen}\n", True)
    assert len(cli.json("tasks", "list")["items"]) == 1
    assert cli("schedules", "trigger", "s", "--id", "7").code == 2


def test_past_windows_are_backfilled_and_explained(cli: Caller) -> None:
    cli.json("schedules", "create", "s", "--task", "t", "--cron", "0 * * * *")
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    since, until = (noon - 5 * HOUR).isoformat(), (noon - 3 * HOUR).isoformat()
    assert "before_creation" in cli("schedules", "explain", "s", "--window", until).out
    done = cli("schedules", "backfill", "s", "--since", since, "--until", until)
    assert done.out.strip() == "3 of 3 windows of s are fired; 0 had fired before."
    again = cli.json("schedules", "backfill", "s", "--since", since, "--until", until)
    assert again == {"windows": 3, "fired": []}
    told = cli.json("schedules", "explain", "s", "--window", until)
    assert (told["code"], told["schedule"]) == ("fired", "s")
    assert cli.json("tasks", "show", told["task_id"])["window_at"] is not None
    assert cli.json("schedules", "explain", "s")["code"] == "not_due"
    assert cli("schedules", "backfill", "s", "--since", until, "--until", since).code == 2
    assert cli("schedules", "explain", "s", "--window", "noon").code == 2
    assert cli("schedules", "next", "s", "--cron", "@daily").code == 2
    assert cli("schedules", "next").code == 2


def test_what_code_declares_is_synced_and_another_applications_are_left_to_it(cli: Caller) -> None:
    spec = "tests.cli.declared_app:app"
    tried = cli.json("schedules", "sync", spec, "--dry-run")
    assert (tried["created"], cli.json("schedules", "list")["items"]) == (["often", "report.build"], [])
    done = cli("schedules", "sync", spec)
    assert (done.code, "made: often, report.build" in done.out) == (0, True), done
    often = cli.json("schedules", "show", "often")
    assert (often["source"], often["application"], often["payload"]) == ("code", "declared", {"full": True})
    again = cli.json("schedules", "sync", spec)
    assert (again["application"], again["unchanged"], again["created"]) == ("declared", ["often", "report.build"], [])
    foreign = cli("schedules", "sync", "tests.cli.declared_app:other")
    assert (foreign.code, "--take-over" in foreign.out) == (0, True), foreign
    assert cli.json("schedules", "sync", "tests.cli.declared_app:other", "--take-over")["changed"] == ["often"]
    assert cli.json("schedules", "show", "often")["application"] == "other"
    assert cli.json("schedules", "sync", spec)["foreign"] == ["often"]
    assert cli("schedules", "sync", "tests.cli.absent:app").code == 2
