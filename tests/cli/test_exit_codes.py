"""Exit codes: documented, complete, and what really comes back; errors are one sentence, or one JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.cli.caller import Caller

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.refusals import tell_refusal
from rowlock.domain.errors import LeaseLost, OutcomeUnknown, RowlockError, Unauthenticated

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
NOWHERE = "postgresql://postgres@127.0.0.1:1/none"


def test_the_document_and_the_code_say_the_same() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert documented == [(str(int(code)), code.meaning) for code in ExitCode]


def test_the_document_names_every_command(cli_without_database: Caller) -> None:
    listed = re.findall(
        r"^  ([a-z-]+) {2,}\S", cli_without_database("--help").out.partition("Commands:")[2], re.MULTILINE
    )
    documented = DOCUMENT.read_text().partition("## Which installation")[0]
    assert len(listed) == 19
    assert [name for name in listed if f"`{name}" not in documented] == []


def test_every_error_has_a_documented_code() -> None:
    known = {int(code) for code in ExitCode}
    assert {error.exit_code for error in _all_errors(RowlockError)} - {RowlockError.exit_code} <= known


def _all_errors(error: type[RowlockError]) -> Iterator[type[RowlockError]]:
    yield error
    for narrower in error.__subclasses__():
        yield from _all_errors(narrower)


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["tasks", "show", str(uuid4())], 3, "not-found"),
        (["tasks", "cancel", "x"], 2, "invalid-argument"),
        (["nosuch"], 2, "usage"),
        (["enqueue"], 2, "usage"),
        (["enqueue", "a.b", "--priority", "urgent"], 2, "invalid-argument"),
        (["enqueue", "a.b", "--tenant", "No Such"], 2, "invalid-argument"),
        (["tasks", "list", "--status", "done"], 2, "invalid-argument"),
        (["tasks", "list", "--schema", "No Such"], 2, "configuration"),
        (["tasks", "list", "--database-url", "mysql://x"], 2, "configuration"),
        (["queues", "list", "--database-url", NOWHERE], 6, "database-unavailable"),
        (["keys", "revoke", "nosuch"], 3, "not-found"),
        (["keys", "create", "--name", "n", "--scopes", "write,all"], 2, "invalid-argument"),
        (["dead-letters", "redrive"], 2, "invalid-argument"),
        (["schedules", "delete", "nosuch"], 3, "not-found"),
        (["worker", "nosuch:app"], 2, "configuration"),
        (["worker", "nosuch"], 2, "configuration"),
    ],
)
def test_refusals(cli: Caller, arguments: list[str], code: int, kind: str) -> None:
    for_people = cli(*arguments)
    assert for_people.code == code
    assert for_people.out == ""
    assert re.fullmatch(r"Error: [^\n]+\.( See [^\n]+)?\n", for_people.err)

    for_programs = cli(*arguments, "--json")
    assert for_programs.code == code
    assert for_programs.out == ""
    assert for_programs.error["type"] == kind
    assert for_programs.error["exit_code"] == code


def test_a_conflict_is_4(cli: Caller) -> None:
    task = cli.json("enqueue", "a.b")["id"]
    assert cli("tasks", "cancel", task).code == 0
    assert cli("tasks", "cancel", task).code == 4
    assert cli("tasks", "redrive", task).code == 0
    assert cli("tasks", "redrive", task).code == 4


def test_a_database_without_the_schema_is_8(empty_database_url: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": empty_database_url})("enqueue", "a.b")
    assert answer.code == 8
    assert "`rowlock migrate`" in answer.err


def test_without_any_database_it_says_how_to_get_one(cli_without_database: Caller, tmp_path: Path) -> None:
    answer = cli_without_database("tasks", "list", "--data-dir", str(tmp_path))
    assert answer.code == 2
    assert "`rowlock up`" in answer.err
    assert "ROWLOCK_DATABASE_URL" in answer.err


def test_a_project_that_cannot_be_read_is_2(cli: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.rowlock\n")
    monkeypatch.chdir(tmp_path)
    answer = cli("tasks", "list")
    assert answer.code == 2
    assert "pyproject.toml cannot be read" in answer.err
    assert "line 1" in answer.err


@pytest.mark.parametrize(("error", "code"), [(OutcomeUnknown, 7), (Unauthenticated, 5), (LeaseLost, 4)])
def test_codes_of_what_is_hard_to_provoke(
    error: type[RowlockError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell_refusal(error("It is so."), json=False, debug=False) == code
    assert capsys.readouterr().err == "Error: It is so.\n"


def test_a_defect_is_70_and_shows_a_traceback_only_on_request(cli: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("rowlock.engine.inspect.list_handlers", broken)
    answer = cli("handlers")
    assert answer.code == 70
    assert answer.err.startswith("Error: Unexpected ZeroDivisionError: division by zero. Run it again with --debug")
    assert "Traceback" not in answer.err
    assert "Traceback" in cli("handlers", "--debug").err
    monkeypatch.setenv("ROWLOCK_DEBUG", "1")
    assert "Traceback" in cli("handlers").err
    assert cli("handlers", "--json").err.splitlines()[-1].startswith('{"type":"internal"')


def test_control_characters_do_not_reach_the_terminal(cli: Caller) -> None:
    answer = cli("enqueue", "a\x1b[31mb")
    assert answer.code == 2
    assert "\x1b" not in answer.err
