"""The tools that change something: what they do, what they refuse, and whom the audit log names."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import pytest
from tests.mcp.conftest import Desk, Room

Sql = Callable[..., list[tuple[Any, ...]]]

HANDLER = """
    INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, timeout_seconds, payload_schema, executor)
    VALUES ('mail.send', 'mail', 1, 7, 30, '{"type": "object", "properties": {"to": {"type": "integer"}}}', 'async')
"""


async def test_cancel_and_redrive_are_audited_under_the_account(desk: Desk, sql: Sql) -> None:
    task_id = (await desk.ask("enqueue_task", name="mail.send"))["id"]

    cancelled = await desk.ask("cancel_task", task_id=task_id, reason="Sent by hand.")
    assert cancelled == {"changed": True, "outcome": "cancelled"}
    assert (await desk.ask("get_task", task_id=task_id))["status"] == "cancelled"
    assert await desk.ask("redrive_task", task_id=task_id) == {"changed": True, "outcome": "redriven"}
    assert (await desk.ask("get_task", task_id=task_id))["status"] == "ready"

    entries = sql("SELECT action, actor FROM rowlock.audit_log WHERE subject_id = %s ORDER BY at", task_id)
    actor = f"mcp:{getpass.getuser()}"
    assert entries == [("task.cancel", actor), ("task.redrive", actor)]


async def test_a_task_in_another_state_is_refused_with_the_reason(desk: Desk) -> None:
    task_id = (await desk.ask("enqueue_task", name="mail.send"))["id"]

    assert "only dead or cancelled tasks can be redriven" in await desk.refusal("redrive_task", task_id=task_id)
    await desk.ask("cancel_task", task_id=task_id)
    assert "has ended as cancelled already" in await desk.refusal("cancel_task", task_id=task_id)


async def test_a_queue_is_paused_once_and_resumed_once(desk: Desk) -> None:
    assert await desk.ask("pause_queue", queue="mail") == {"changed": True, "outcome": "paused"}
    assert await desk.ask("pause_queue", queue="mail") == {"changed": False, "outcome": "paused"}
    [queue] = await desk.ask("list_queues")
    assert queue["paused"]
    assert queue["paused_by"].startswith("mcp:")
    assert await desk.ask("resume_queue", queue="mail") == {"changed": True, "outcome": "active"}
    assert await desk.ask("resume_queue", queue="mail") == {"changed": False, "outcome": "active"}


async def test_an_idempotency_key_names_one_task(desk: Desk) -> None:
    first = await desk.ask("enqueue_task", name="mail.send", payload={"to": 1}, idempotency_key="k")
    again = await desk.ask("enqueue_task", name="mail.send", payload={"to": 1}, idempotency_key="k")

    assert first["created"]
    assert again == {"id": first["id"], "created": False}
    assert "k" in await desk.refusal("enqueue_task", name="mail.send", payload={"to": 2}, idempotency_key="k")


@pytest.mark.parametrize("word", ["null", "true", "12", '["because"]', '{"a": 1}', '"quoted"'])
async def test_text_that_spells_json_stays_text(desk: Desk, sql: Sql, word: str) -> None:
    """A key of that name is a key, and a reason a reason."""
    answers = [await desk.ask("enqueue_task", name="mail.send", idempotency_key=word) for _ in range(2)]
    assert [answer["created"] for answer in answers] == [True, False]
    await desk.ask("cancel_task", task_id=answers[0]["id"], reason=word)
    assert sql("SELECT idempotency_key, error FROM rowlock.tasks") == [(word, word)]


async def test_an_object_or_a_list_may_come_as_text(desk: Desk) -> None:
    """As some clients send them."""
    asked = {"payload": '{"to": 1}', "tags": '["welcome", "null"]'}
    task_id = (await desk.ask("enqueue_task", name="mail.send", **asked))["id"]
    task = await desk.ask("get_task", task_id=task_id)
    assert (task["payload"], task["tags"]) == ({"to": 1}, ["welcome", "null"])


async def test_the_handler_fills_in_what_was_left_out(desk: Desk, sql: Sql) -> None:
    sql(HANDLER)

    task_id = (await desk.ask("enqueue_task", name="mail.send", payload={"to": 1}, priority="low"))["id"]
    task = await desk.ask("get_task", task_id=task_id)

    assert (task["queue"], task["priority"], task["max_attempts"], task["timeout_seconds"]) == ("mail", "low", 7, 30)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"payload": {"to": "everybody"}}, "payload.to"),
        ({"payload": {"to": 1, "note": "\0"}}, "payload"),
        ({"queue": "no/slash"}, "queue"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"priority": "urgent"}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"delay": 3600}, "delay"),
        ({"payload": "null"}, "payload"),
    ],
)
async def test_what_cannot_be_enqueued_is_not_stored(desk: Desk, sql: Sql, wrong: dict[str, Any], word: str) -> None:
    sql(HANDLER)

    assert word in await desk.refusal("enqueue_task", name="mail.send", **wrong)
    assert sql("SELECT count(*) FROM rowlock.tasks") == [(0,)]


async def test_a_strict_installation_refuses_what_nobody_declared(open_desk: Room, sql: Sql) -> None:
    sql(HANDLER)
    async with open_desk(strict=True) as desk:
        assert "mail.recall" in await desk.refusal("enqueue_task", name="mail.recall")
        assert "elsewhere" in await desk.refusal("enqueue_task", name="mail.send", queue="elsewhere")
        assert (await desk.ask("enqueue_task", name="mail.send"))["created"]
