"""Every line goes the same way: one format, the task's context, UTC, no secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog

from rowlock.telemetry import logs
from rowlock.telemetry.logs import bind, configure_logging, configured_logging, get_logger

TASK = UUID("0190a1b2-0000-7000-8000-000000000001")


@pytest.fixture(autouse=True)
def logging_as_in_a_new_process() -> Iterator[None]:
    """Whatever an earlier test of this process has configured."""
    root, processors = logging.getLogger(), list(logs._processors)
    level, handlers = root.level, list(root.handlers)
    logs._processors[:] = logs._UNCONFIGURED
    structlog.reset_defaults()
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logs._processors[:] = processors
    structlog.reset_defaults()
    logging.captureWarnings(False)


class Stderr:
    """The lines that were written, and whether it claims to be a terminal."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def become_terminal(self) -> None:
        self._monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def text(self) -> str:
        return self._capsys.readouterr().err

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Stderr:
    return Stderr(capsys, monkeypatch)


def test_a_json_line_says_who_when_and_what(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="worker")
    get_logger("rowlock.worker").info("Claimed.", tasks=3, name="mail.send")
    (event,) = stderr.events()
    assert event["event"] == "Claimed."
    assert (event["tasks"], event["name"]) == (3, "mail.send")
    assert (event["process"], event["logger"], event["level"]) == (
        "worker",
        "rowlock.worker",
        "info",
    )
    at = datetime.fromisoformat(str(event["timestamp"]))
    assert at.tzinfo is not None
    assert at.utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "said", ["plain", "Grüße, 世界", "a lone surrogate \ud800", 'quote " and \n line', 2**80, -1.5, None, True]
)
def test_a_json_line_is_one_line_of_ascii_whatever_it_says(stderr: Stderr, said: object) -> None:
    configure_logging(format="json", level="info", process="worker")
    get_logger("rowlock.test").info("Said.", said=said)
    text = stderr.text()
    assert text.isascii()
    assert text.count("\n") == 1
    assert json.loads(text)["said"] == said


def test_a_logger_made_earlier_follows_the_configuration(stderr: Stderr) -> None:
    logger = get_logger("rowlock.early")
    logger.debug("Before: bound on first use.")
    configure_logging(format="json", level="info", process="api")
    logger.info("After.")
    assert [event["event"] for event in stderr.events()] == ["After."]


def test_lines_of_libraries_look_the_same(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="api")
    own_handler = logging.getLogger("uvicorn.error")
    own_handler.addHandler(logging.StreamHandler(io.StringIO()))
    configure_logging(format="json", level="info", process="api")
    with bind(request_id="r1"):
        own_handler.info("Up on %s", 8642, extra={"color_message": "[1mUp", "port": 8642})
        structlog.get_logger("my.handlers").info("From a handler", k=2)
    theirs, users = stderr.events()
    assert theirs.keys() - {"port"} == users.keys() - {"k"}
    assert (theirs["event"], theirs["port"]) == ("Up on 8642", 8642)
    assert (theirs["logger"], theirs["request_id"]) == ("uvicorn.error", "r1")
    assert (users["logger"], users["k"], users["request_id"]) == ("my.handlers", 2, "r1")


def test_the_level_holds_for_all_and_chatty_libraries_are_held_back(stderr: Stderr) -> None:
    configure_logging(format="json", level="warning", process="api")
    get_logger("rowlock.x").info("no")
    logging.getLogger("alembic").info("no")
    assert stderr.text() == ""
    configure_logging(format="json", level="info", process="scheduler")
    logging.getLogger("apscheduler.executors").info("no")
    logging.getLogger("apscheduler.executors").warning("yes")
    assert [event["event"] for event in stderr.events()] == ["yes"]


def test_configuring_twice_does_not_log_twice(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="api")
    configure_logging(format="json", level="info", process="worker")
    get_logger("rowlock.x").info("once")
    assert [event["process"] for event in stderr.events()] == ["worker"]


def test_an_exception_is_structured_without_local_variables(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="worker")
    try:
        payload = "confidential"
        raise ValueError(f"cannot reach postgresql://u:pw@h/db with {len(payload)}")
    except ValueError:
        get_logger("rowlock.x").exception("Failed.")
        logging.getLogger("alembic").exception("Failed too.")
    text = stderr.text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in events] == ["Failed.", "Failed too."]
    for event in events:
        (error,) = event["exception"]
        assert error["exc_type"] == "ValueError"
        assert error["exc_value"] == "cannot reach postgresql://u:***@h/db with 12"
        assert error["frames"][-1]["name"].startswith("test_an_exception")
    assert "confidential" not in text
    assert "u:pw" not in text


def test_a_console_line_is_plain_where_there_are_no_colours(stderr: Stderr, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr.become_terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    configure_logging(format=None, level="info", process="worker")
    try:
        raise ValueError("postgresql://u:pw@h/db")
    except ValueError:
        get_logger("rowlock.x").exception("Failed.", key="rlk_a_b")
    text = stderr.text()
    assert "[error    ] Failed." in text
    assert "key=rlk_a_***" in text
    assert "Traceback (most recent call last)" in text
    assert "ValueError: postgresql://u:***@h/db" in text
    assert "u:pw" not in text
    assert "\x1b" not in text


def test_the_format_follows_the_terminal(stderr: Stderr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    configure_logging(format=None, level="info", process="worker")
    get_logger("rowlock.x").info("json")
    assert stderr.events()[0]["event"] == "json"
    stderr.become_terminal()
    configure_logging(format=None, level="info", process="worker")
    get_logger("rowlock.x").info("colours")
    assert "\x1b" in stderr.text()


async def test_what_is_bound_reaches_awaited_work_and_threads_and_ends(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="worker")
    logger = get_logger("rowlock.x")

    async def attempt(number: int) -> None:
        with bind(attempt=number):
            await asyncio.sleep(0)
            await asyncio.to_thread(logger.info, "in a thread")

    with bind(task_id=TASK, worker=4, tenant_id="acme"):
        await asyncio.gather(attempt(1), attempt(2))
    logger.info("outside", task_id="own")
    *inside, outside = stderr.events()
    assert {event["attempt"] for event in inside} == {1, 2}
    for event in inside:
        assert (event["task_id"], event["worker"], event["tenant_id"]) == (str(TASK), 4, "acme")
    assert outside["task_id"] == "own"
    assert "tenant_id" not in outside


def test_without_configuration_events_are_plain_masked_records(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="rowlock.embedded"), bind(tenant_id="acme"):
        get_logger("rowlock.embedded").info("Enqueued 100%.", url="postgresql://u:pw@h/db")
    (record,) = caplog.records
    assert record.name == "rowlock.embedded"
    assert record.getMessage().startswith("Enqueued 100%. ")
    assert "tenant_id='acme'" in record.getMessage()
    assert "url='postgresql://u:***@h/db'" in record.getMessage()


def test_what_was_configured_can_be_asked_for_child_processes(stderr: Stderr) -> None:
    configure_logging(format="json", level="info", process="api")
    configure_logging(format=None, level="warning", process="worker")
    assert configured_logging() == {"format": None, "level": "warning", "process": "worker"}
