"""Where commands write to: encodings that lack what is said, and streams that are closed or full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.caller import Caller

from rowlock.cli.exit_codes import ExitCode

FULL = Path("/dev/full")
PAYLOAD = {"to": "Zoë 🎉 \\ \N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}"}


def run(
    url: str, *arguments: str, shell: str = "", encoding: str = "ascii", **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """A command as a program of its own, with what a shell writes behind it."""
    environment = {
        **os.environ,
        "LC_ALL": "POSIX",
        "PYTHONIOENCODING": encoding,
        "ROWLOCK_DATABASE_URL": url,
        **settings,
    }
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-m", "rowlock.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_what_the_encoding_lacks_is_escaped(database_url: str, cli: Caller, encoding: str) -> None:
    task_id = cli.json("enqueue", "mail.send", "--payload", json.dumps(PAYLOAD))["id"]
    shown = run(database_url, "tasks", "show", task_id, "--json", encoding=encoding)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert json.loads(shown.stdout.decode(encoding))["payload"] == PAYLOAD
    for_people = run(database_url, "tasks", "show", task_id, encoding=encoding)
    assert (for_people.returncode, for_people.stderr) == (0, b"")
    assert "Zoë" in for_people.stdout.decode(encoding).replace("\\u00eb", "ë")


def test_errors_are_documents_in_any_encoding(database_url: str) -> None:
    done = run(database_url, "enqueue", "mail.send", "--payload", '{"ü"', "--json")
    assert done.returncode == ExitCode.INVALID
    assert json.loads(done.stderr.decode("ascii"))["exit_code"] == ExitCode.INVALID
    done = run(database_url, "schedules", "show", "größe", "--json")
    assert "größe" in json.loads(done.stderr.decode("ascii"))["detail"]


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("shell", [">/dev/full", ">&-"])
@pytest.mark.parametrize("arguments", [["tasks", "list"], ["doctor", "--json"], ["version"], ["--version"], ["--help"]])
def test_an_answer_that_cannot_be_written_is_told(database_url: str, shell: str, arguments: list[str]) -> None:
    done = run(database_url, *arguments, shell=shell)
    assert done.returncode == ExitCode.UNKNOWN
    said = done.stderr.decode()
    told = json.loads(said)["detail"] if "--json" in arguments else said.removeprefix("Error: ").strip()
    assert told.startswith("The answer could not be written to stdout: ")
    assert "\n" not in told


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("shell", [">/dev/full", ">&-"])
def test_what_was_stored_is_stored(database_url: str, cli: Caller, shell: str) -> None:
    """So the exit code is none of those that mean that nothing was."""
    assert run(database_url, "enqueue", "mail.send", shell=shell).returncode == ExitCode.UNKNOWN
    assert len(cli.json("tasks", "list")["items"]) == 1


def test_who_hears_no_errors_has_the_exit_code(database_url: str) -> None:
    done = run(database_url, "schedules", "show", "nosuch", shell="2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.NOT_FOUND, b"", b"")
    done = run(database_url, "tasks", "list", shell="2>&-")
    assert (done.returncode, done.stdout) == (0, b"No tasks.\n")


@pytest.mark.parametrize("flags", [[], ["--json"], ["--debug"]])
def test_who_has_left_hears_no_errors_and_has_the_exit_code_too(database_url: str, flags: list[str]) -> None:
    unread, pipe = os.pipe()
    os.close(unread)
    command = [sys.executable, "-m", "rowlock.cli", "schedules", "show", "nosuch", *flags]
    environment = {**os.environ, "ROWLOCK_DATABASE_URL": database_url}
    with os.fdopen(pipe, "wb") as stderr:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, check=False)
    assert (done.returncode, done.stdout) == (ExitCode.NOT_FOUND, b"")
