"""The tools that look: what they find, and what they must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.mcp.conftest import Desk, Room

Sql = Callable[..., list[tuple[Any, ...]]]

BURY = """
    WITH buried AS (
        UPDATE rowlock.tasks
           SET status = 'dead', finished_at = rowlock.clock(), expires_on = rowlock.today() + 7, attempt = 4,
               started_at = rowlock.clock(), worker_id = 7, lease_token = 1, reason = 'attempts_exhausted',
               error = 'SMTPException: refused'
         WHERE id = %s
        RETURNING *
    )
    INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome,
                                    run_seconds, attempt, tenant_id, queue, name, reason, error, traceback)
    SELECT id, started_at, finished_at, 1, rowlock.execution_day(), 7, 'failed', 0.5, 4, tenant_id, queue, name,
           'error', error, 'Traceback (most recent call last): …' FROM buried
"""


async def test_the_tools_say_what_they_are_for_and_which_destroy(desk: Desk) -> None:
    tools = await desk.tools()

    assert set(tools) == {
        "list_queues", "list_tasks", "get_task", "explain_task", "list_dead_letters",
        "enqueue_task", "redrive_task", "resume_queue", "cancel_task", "pause_queue",
    }  # fmt: skip
    hints = {name: tool.annotations for name, tool in tools.items() if tool.annotations}
    assert {name for name, hint in hints.items() if hint.destructive_hint} == {"cancel_task", "pause_queue"}
    assert {name for name, hint in hints.items() if hint.read_only_hint} == {
        "list_queues", "list_tasks", "get_task", "explain_task", "list_dead_letters",
    }  # fmt: skip
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"


async def test_a_task_is_found_read_and_explained(desk: Desk) -> None:
    stored = await desk.ask("enqueue_task", name="mail.send", payload={"to": 1}, queue="mail", tags=["welcome"])

    [line] = (await desk.ask("list_tasks", status="ready", queue="mail", name="mail.send", tag="welcome"))["tasks"]
    assert line["id"] == stored["id"]
    assert (line["priority"], line["attempt"], line["tags"]) == ("normal", 0, ["welcome"])

    task = await desk.ask("get_task", task_id=stored["id"])
    assert task["payload"] == {"to": 1}
    assert task["attempts"] == []
    assert task["steps"] == []

    codes = [reason["code"] for reason in await desk.ask("explain_task", task_id=stored["id"])]
    assert "no_worker" in codes


async def test_a_task_shows_its_latest_steps(desk: Desk, sql: Sql) -> None:
    stored = await desk.ask("enqueue_task", name="order.fulfil")
    sql(
        "INSERT INTO rowlock.steps (task_id, recorded_at, lease_token, filed_on, run_seconds, occurrence, attempt,"
        " tenant_id, name, result) SELECT %s, now() + make_interval(secs => n), 1, rowlock.step_day(), 2, n, 1,"
        " 'default', 'page', to_jsonb(repeat('x', 30000)) FROM generate_series(1, 9) AS n",
        stored["id"],
    )
    steps = (await desk.ask("get_task", task_id=stored["id"]))["steps"]
    assert [(step["step"], len(step["result"])) for step in steps] == [
        ("page#9", 30_000), ("page#8", 30_000), ("page#7", 30_000),
    ]  # fmt: skip


async def test_queues_show_depth_and_lag(desk: Desk) -> None:
    await desk.ask("enqueue_task", name="mail.send", queue="mail")
    await desk.ask("enqueue_task", name="mail.send", queue="mail", delay_seconds=60)

    [queue] = await desk.ask("list_queues")
    assert queue["name"] == "mail"
    assert queue["depth"]["ready"] == 1
    assert queue["depth"]["scheduled"] == 1
    assert queue["lag_seconds"] >= 0
    assert queue["workers"] == 0


async def test_a_dead_letter_has_its_traceback(desk: Desk, sql: Sql) -> None:
    stored = await desk.ask("enqueue_task", name="mail.send", queue="mail")
    sql(BURY, stored["id"])

    page = await desk.ask("list_dead_letters", queue="mail")
    assert [line["error"] for line in page["tasks"]] == ["SMTPException: refused"]
    task = await desk.ask("get_task", task_id=stored["id"])
    assert [attempt["traceback"] for attempt in task["attempts"]] == ["Traceback (most recent call last): …"]


async def test_a_task_shows_its_latest_attempts(desk: Desk, sql: Sql) -> None:
    stored = await desk.ask("enqueue_task", name="mail.send")
    many = """
        INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome,
                                        run_seconds, attempt, tenant_id, queue, name, reason, error, traceback)
        SELECT %s, now(), now(), n, rowlock.execution_day(), 7, 'failed', 0.5, n, 'default', 'default', 'mail.send',
               'error', 'e' || n, repeat('x', %s) FROM generate_series(1, 1500) AS n
    """
    sql(many, stored["id"], 100)
    task = await desk.ask("get_task", task_id=stored["id"])
    assert [attempt["error"] for attempt in task["attempts"]] == [f"e{n}" for n in range(1481, 1501)]
    assert task["earlier_attempts"] == 1480

    sql("DELETE FROM rowlock.executions")
    sql(many, stored["id"], 20_000)
    task = await desk.ask("get_task", task_id=stored["id"])
    assert [attempt["error"] for attempt in task["attempts"]] == ["e1497", "e1498", "e1499", "e1500"]
    assert task["earlier_attempts"] == 1496


async def test_pages_go_on_where_the_last_one_ended(desk: Desk) -> None:
    made = [(await desk.ask("enqueue_task", name="n"))["id"] for _ in range(3)]

    first = await desk.ask("list_tasks", limit=2)
    second = await desk.ask("list_tasks", limit=2, before=first["next_before"])

    assert sorted(line["id"] for line in first["tasks"] + second["tasks"]) == sorted(made)
    assert second["next_before"] is None


async def test_another_tenants_task_does_not_exist(desk: Desk, open_desk: Room) -> None:
    stored = await desk.ask("enqueue_task", name="mail.send")

    async with open_desk(tenant="acme") as other:
        assert stored["id"] in await other.refusal("get_task", task_id=stored["id"])
        assert stored["id"] in await other.refusal("explain_task", task_id=stored["id"])
        assert (await other.ask("list_tasks"))["tasks"] == []
        assert await other.ask("list_queues") == []


async def test_bad_arguments_are_refused_in_words(desk: Desk) -> None:
    assert "limit" in await desk.refusal("list_tasks", limit=0)
    assert "status" in await desk.refusal("list_tasks", status="done")
    assert "status" in await desk.refusal("list_tasks", status="null")
    assert "task_id" in await desk.refusal("get_task", task_id="seventeen")
    assert "state" in await desk.refusal("list_tasks", state="dead")
    assert "queue" in await desk.refusal("list_queues", queue="mail")
    unknown = str(uuid4())
    assert (await desk.refusal("get_task", task_id=unknown)).endswith(f"There is no task {unknown}.")
