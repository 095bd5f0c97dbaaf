"""Starting fast: what each command may import. Run in a fresh interpreter, for this one has imported everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from rowlock.cli import main
sys.argv = ["rowlock", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
sys.stdout.flush()
sys.stderr.write(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HEAVY = {
    "alembic",
    "asyncio",
    "fastapi",
    "jsonschema",
    "orjson",
    "psycopg",
    "pydantic_settings",
    "rich",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
}


def imported_by(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["version"], ["--help"], ["--version"], ["up", "--help"], ["tasks", "--help"]])
def test_what_only_prints_imports_little(arguments: list[str]) -> None:
    assert imported_by(*arguments) & HEAVY == set()


def test_enqueue_needs_no_web_framework(database_url: str) -> None:
    imported = imported_by("enqueue", "a.b", "--database-url", database_url)
    assert "psycopg" in imported
    assert imported & {"alembic", "fastapi", "jsonschema", "sqlalchemy", "starlette", "uvicorn"} == set()


def test_servers_need_no_alembic_and_those_that_list_nothing_no_sqlalchemy() -> None:
    script = """
import sys
import rowlock.scheduler, rowlock.worker
assert "sqlalchemy" not in sys.modules
import rowlock.api.server
assert "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_servers_load_neither_rich_nor_greenlet_for_their_logs_and_leave_them_to_others() -> None:
    script = """
import sys
import rowlock.cli.supervision.serving, rowlock.worker
assert not {"rich", "pygments", "greenlet"} & sys.modules.keys()
import greenlet, rich.console
assert sys.modules["structlog.dev"].plain_traceback
"""
    subprocess.run([sys.executable, "-c", script], check=True)
