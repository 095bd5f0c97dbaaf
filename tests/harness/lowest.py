"""rowlock with the lowest versions of what it needs that `pyproject.toml` allows, tried end to end.

`python -m tests.harness.lowest` (or `make test-lowest`) installs them into `.cache/lowest`, and has everything run
there: tasks are enqueued by the command line and by the API with a key, a worker runs them, schedules are read, and the
doctor finds no problem. Then it runs the tests of domain and client.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.harness.eventually import eventually_sync
from tests.harness.ports import free_ports

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = REPOSITORY / ".cache" / "lowest"
BIN = ENVIRONMENT / "bin"
TOOLS = (
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "pytest-xdist",
    "hypothesis",
    "time-machine",
    "sqlalchemy[asyncio]",
)
PATIENCE = timedelta(minutes=2)


def install() -> None:
    """Makes the environment anew, for nothing may be left in it of what was allowed before."""
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    call("python", "-m", "pip", "install", "--quiet", "uv")
    lowest = ("--quiet", "--python", str(BIN / "python"), "--resolution", "lowest-direct")
    call("uv", "pip", "install", *lowest, "--editable", f"{REPOSITORY}[otel]")
    say(call("uv", "pip", "freeze", "--python", str(BIN / "python"), "--exclude-editable"))


def call(program: str, *arguments: str, **settings: str) -> str:
    """What a program of the environment prints; raises where it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROWLOCK_")}
    command = [BIN / program, *arguments]
    return subprocess.run(command, env=inherited | settings, stdout=subprocess.PIPE, text=True, check=True).stdout


@dataclass(frozen=True)
class Installation:
    """What `rowlock up` runs."""

    data_dir: str
    port: int

    def rowlock(self, *arguments: str) -> Any:
        """The document that a command answers with."""
        return json.loads(call("rowlock", *arguments, "--json", ROWLOCK_DATA_DIR=self.data_dir))

    def ask(self, method: str, path: str, key: str = "", body: object = None) -> Any:
        """The document that the API answers with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            said = response.read().decode()
        finally:
            connection.close()
        assert response.status in (200, 201), f"{method} {path}: {response.status} {said}"
        return json.loads(said)

    def is_ready(self) -> bool:
        try:
            return self.ask("GET", "/health/ready")["status"] == "ok"
        except (OSError, AssertionError):
            return False


@contextmanager
def running(folder: Path) -> Iterator[Installation]:
    """All of rowlock, with the example's handlers; it prints its logs only if it fails."""
    here = Installation(str(folder / "data"), free_ports()[0])
    command = [BIN / "rowlock", "up", "--data-dir", here.data_dir, "--port", str(here.port)]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually_sync(here.is_ready, within=PATIENCE)
            yield here
        except BaseException:
            say((folder / "log").read_text())
            raise
        finally:
            process.terminate()
            process.wait()


def try_out(here: Installation, out: Path) -> None:
    """Raises where something does not work."""
    payload = {"root": str(REPOSITORY / "ops"), "out": str(out)}
    given = ("--payload", json.dumps(payload))
    key = here.rowlock("keys", "create", "--name", "lowest", "--scopes", "admin")["key"]
    tasks = [
        here.rowlock("enqueue", "archive.tree", *given)["id"],
        here.ask("POST", "/v1/tasks", key, {"name": "archive.tree", "payload": payload})["id"],
    ]
    for task in tasks:
        path = f"/v1/tasks/{task}"
        eventually_sync(lambda path=path: here.ask("GET", path, key)["status"] == "succeeded", within=PATIENCE)
    listed = here.rowlock("tasks", "list", "--name", "archive.tree", "--status", "succeeded")
    assert {task["id"] for task in listed["items"]} == set(tasks)
    rules = (["--cron", "30 0 9 * * 1-5", "--allow-seconds"], ["--every", "1h"], ["--calendar", "1 month at 09:00"])
    for number, rule in enumerate(rules):
        here.rowlock("schedules", "create", f"rule-{number}", "--task", "archive.tree", *given, *rule)
    here.rowlock("schedules", "trigger", "rule-0")
    for path, methods in here.ask("GET", "/openapi.json")["paths"].items():
        asked = methods.get("get", {"parameters": [{"required": True}]}).get("parameters", ())
        if path.startswith("/v1/") and not any(each["required"] for each in asked):
            here.ask("GET", path, key)
    here.rowlock("doctor")


def run_tests() -> None:
    """Raises where one fails. What runs them may be new."""
    call("uv", "pip", "install", "--quiet", "--python", str(BIN / "python"), *TOOLS)
    tests = [str(REPOSITORY / "tests" / room) for room in ("unit", "client")]
    subprocess.run([BIN / "python", "-m", "pytest", "-q", *tests], cwd=REPOSITORY, check=True)


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> None:
    install()
    with tempfile.TemporaryDirectory(prefix="rowlock-lowest-") as folder, running(Path(folder)) as here:
        try_out(here, Path(folder) / "out")
    run_tests()
    say("rowlock works with the lowest versions that it allows.")


if __name__ == "__main__":
    main()
