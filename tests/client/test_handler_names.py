"""A handler without a name is called what it is called in a worker that imports its module, run as a script or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DECLARED = """
from rowlock import Rowlock
from shop.noted import noted

app = Rowlock()

@app.task
def send(): ...

@app.task
@noted
def count(): ...

if __name__ == "__main__":
    print(app.name, *app.handlers)
"""
NOTED = """
from functools import wraps

def noted(function):
    @wraps(function)
    def call(): return function()
    return call
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package, and a script beside it."""
    (tmp_path / "shop").mkdir()
    for name, text in {
        "shop/__init__.py": "", "shop/noted.py": NOTED, "shop/jobs.py": DECLARED, "shop/__main__.py": DECLARED,
        "mails.py": DECLARED,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["mails.py"], "mails"),
        (["./mails.py"], "mails"),
        (["-m", "mails"], "mails"),
        (["-m", "shop.jobs"], "shop.jobs"),
        (["-m", "shop"], "shop.__main__"),
        (["-m", "cProfile", "-o", "profile", "mails.py"], "mails"),
    ],
)
def test_a_script_s_handlers_are_called_what_a_worker_imports(folder: Path, arguments: list[str], module: str) -> None:
    package = module.partition(".")[0]
    assert run(folder, *arguments).stdout.split() == [package, f"{module}.send", f"{module}.count"]
    import_them = f"from {module} import app; print(app.name, *app.handlers)"
    assert run(folder, "-c", import_them).stdout.split() == [package, f"{module}.send", f"{module}.count"]


@pytest.mark.parametrize(
    "arguments",
    [["-"], ["-i"], ["-m", "asyncio"], ["-c", "import sys; exec(sys.stdin.read())"]],
    ids=lambda arguments: arguments[-1].split()[0],
)
def test_what_no_worker_can_import_must_be_given_a_name(folder: Path, arguments: list[str]) -> None:
    given = 'from rowlock import Rowlock\napp = Rowlock()\napp.task(name="a.b")(lambda: None)\n'
    assert "main a.b" in run(folder, *arguments, given=given + "print(app.name, *app.handlers)\n").stdout
    refused = run(folder, *arguments, given=given + "app.task(lambda: None)\n").stderr
    assert "is in no module that a worker could import" in refused
    assert "say @app.task(name=" in refused
