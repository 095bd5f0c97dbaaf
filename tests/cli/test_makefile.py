"""The repository's own two commands: what make would run, and that what it installs is pinned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TARGETS = (
    "help",
    "up",
    "test",
    "lint",
    "format",
    "ci",
    "test-matrix",
    "test-model",
    "test-faults",
    "test-schedules",
    "test-lowest",
    "coverage",
    "bench",
    "bench-peers",
    "bench-report",
    "bench-expectations",
    "constraints",
    "wheel",
    "clean",
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """make in an environment with nothing but HOME and PATH."""
    return subprocess.run(
        ["make", *arguments],
        check=False,
        cwd=folder,
        env={"HOME": "/nonexistent", "PATH": path},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What make reads, in a folder where nothing has been made yet."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def test_help_lists_every_target(clone: Path) -> None:
    assert re.findall(r"^  make ([a-z-]+)", make(clone).stdout, re.MULTILINE) == list(TARGETS)


def test_flags_are_passed_on(clone: Path) -> None:
    planned = make(clone, "--dry-run", "up", 'ARGS=--port 8700 --data-dir "/tmp/a b"').stdout
    assert planned.splitlines()[-1] == 'exec .venv/bin/rowlock up --port 8700 --data-dir "/tmp/a b"'
    assert "'.[dev]'" not in planned
    assert "'.[dev]'" in make(clone, "--dry-run", "test").stdout


def test_one_environment_serves_both_and_is_made_once(clone: Path) -> None:
    environment = clone / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(shutil.which("sh") or "/bin/sh")
    (environment / ".folder").write_text(str(clone))
    for age, stamp in ((20, ".runtime"), (10, ".development")):
        (environment / stamp).touch()
        newest = max((clone / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt"))
        os.utime(environment / stamp, (newest + 30 - age, newest + 30 - age))
    os.utime(environment / ".folder", (0, 0))
    assert make(clone, "--dry-run", "up").stdout.splitlines() == ["exec .venv/bin/rowlock up "]
    assert "pip install" not in make(clone, "--dry-run", "test").stdout
    (environment / ".folder").write_text("/somewhere/else")  # copied from another clone
    assert "pip install" in make(clone, "--dry-run", "up").stdout


def test_without_a_python_it_says_what_it_needs(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "sh", "cat", "test", "rm", "printf", "echo"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    done = make(clone, "up", path=str(tools))
    assert done.returncode == 2
    assert "rowlock needs Python 3.11 or newer" in done.stderr
    assert not (clone / ".venv").exists()


def test_everything_that_is_installed_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[\[<>=! ;]", each)[0].lower().replace("_", "-") for each in wanted} - {"rowlock"}
    pinned = set(re.findall(r"^([a-z0-9.-]+)==", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE))
    assert names - pinned == set(), "run `make constraints`"
