"""The web applications of the how-to work as written: each framework's own server, PostgreSQL, and a worker beside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.docs.pages import REPOSITORY, Page
from tests.harness.eventually import eventually_sync
from tests.harness.ports import free_ports

PAGE = REPOSITORY / "docs/how-to/web-applications.md"
PATIENCE = timedelta(seconds=60)
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"

SETTINGS = """
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "project.urls"
INSTALLED_APPS = ["orders"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", {database}}}}}
"""
URLS = """
from django.urls import path
from orders import views
urlpatterns = [path("orders/7", views.place), path("tasks/<uuid:task_id>", views.look)]
"""
MODELS = """
from django.db import models
class Order(models.Model):
    confirmed = models.BooleanField(default=False)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for block in Page(PAGE, PAGE.read_text()).blocks:
        if "file" in block.options:
            file = tmp_path / block.options["file"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
    return tmp_path


@contextmanager
def running(folder: Path, environment: Mapping[str, str], *commands: list[str]) -> Iterator[None]:
    """The commands, until the end of the block; their output goes to that of the test."""
    with ExitStack() as stack:
        for command in commands:
            program = stack.enter_context(
                subprocess.Popen([sys.executable, "-m", *command], cwd=folder, env={**os.environ, **environment})
            )
            stack.callback(program.terminate)
        yield


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/tasks/{ABSENT}", timeout=10).status_code == 404
    except httpx.TransportError:
        return False


def order_and_wait(url: str) -> str:
    """What the task of an order returned, by the application's own routes."""
    eventually_sync(lambda: answers(url), within=PATIENCE)
    placed = httpx.post(f"{url}/orders/7", timeout=10)
    assert placed.status_code == 202, placed.text
    task = f"{url}/tasks/{placed.json()['task']}"
    seen = eventually_sync(
        lambda: found if (found := httpx.get(task, timeout=10).json())["status"] == "succeeded" else None,
        within=PATIENCE,
    )
    return str(seen["result"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "server",
    [
        pytest.param(["uvicorn", "shop.web:web", "--port"], id="FastAPI"),
        pytest.param(["flask", "--app", "shop.site:web", "run", "--port"], id="Flask"),
    ],
)
def test_what_a_request_enqueues_runs_in_the_worker(project: Path, database_url: str, server: list[str]) -> None:
    [port] = free_ports(1)
    environment = {"ROWLOCK_DATABASE_URL": database_url, "PYTHONPATH": "."}
    with running(project, environment, [*server, str(port)], ["rowlock.cli", "worker", "shop.jobs:app"]):
        assert order_and_wait(f"http://127.0.0.1:{port}") == "Order 7 is confirmed."


@pytest.mark.slow
def test_django_s_orders_have_their_task_or_are_not_there(project: Path, database_url: str) -> None:
    given = conninfo_to_dict(database_url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = ", ".join(f'"{ours}": {str(given.get(theirs) or "")!r}' for ours, theirs in names.items())
    (project / "project").mkdir()
    (project / "project/settings.py").write_text(SETTINGS.format(database=database))
    (project / "project/urls.py").write_text(URLS)
    (project / "orders/models.py").write_text(MODELS)
    [port] = free_ports(1)
    environment = {"ROWLOCK_DATABASE_URL": database_url, "PYTHONPATH": "."}
    web = {**environment, "DJANGO_SETTINGS_MODULE": "project.settings"}
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"],
        cwd=project,
        env={**os.environ, **web},
        check=True,
    )
    url = f"http://127.0.0.1:{port}"
    with (
        running(project, environment, ["rowlock.cli", "worker", "orders.jobs:app"]),
        running(project, web, ["django", "runserver", "--noreload", str(port)]),
    ):
        assert order_and_wait(url) == "Order 1 is confirmed."
        with psycopg.connect(database_url, autocommit=True) as connection:
            assert connection.execute("SELECT confirmed FROM orders_order").fetchall() == [(True,)]
            connection.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'No.'; END$$;"
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON orders_order DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
            assert httpx.post(f"{url}/orders/7", timeout=10).status_code == 500  # for its COMMIT fails
            assert connection.execute("SELECT count(*) FROM rowlock.tasks").fetchone() == (1,)
