"""The tests' PostgreSQL in a container, where a Docker engine answers at once.

Anything short of a running server makes it step aside, so that the embedded one takes over. The
container carries the run's name as a label, by which the controller removes it: testcontainers' own
reaper is left out, for it would end the server with the xdist worker that happened to start it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped]

LABEL = "rowlock.test.run"
SOCKET = Path("/var/run/docker.sock")
ANSWER_SECONDS = 2
DATA_FOLDER = "/rowlock-tests"


def start_container(run: str, version: int, settings: Mapping[str, str]) -> str | None:
    """The URL of a PostgreSQL in a new container; None where there is no engine to start one."""
    if not _engine_answers():
        return None
    from testcontainers.core.config import testcontainers_config

    testcontainers_config.ryuk_disabled = True
    try:
        return _started(run, version, settings)
    except _engine_errors():
        remove_containers(run)
        return None


def remove_containers(run: str) -> None:
    """Removes what the run started; nothing where no engine answers."""
    if not _engine_answers():
        return
    with contextlib.suppress(*_engine_errors()), _engine() as engine:
        for container in engine.containers.list(all=True, filters={"label": f"{LABEL}={run}"}):
            container.remove(force=True, v=True)


def _started(run: str, version: int, settings: Mapping[str, str]) -> str:
    try:
        from testcontainers.community.postgres import PostgresContainer
    except ModuleNotFoundError:  # before testcontainers 4.15
        from testcontainers.postgres import PostgresContainer

    command = ["postgres", *(f"--{name}={value}" for name, value in settings.items())]
    container = PostgresContainer(f"postgres:{version}-alpine", username="postgres", driver=None)
    container.with_command(command).with_kwargs(labels={LABEL: run}, tmpfs={DATA_FOLDER: ""}, shm_size="256m")
    container.with_env("PGDATA", f"{DATA_FOLDER}/data")
    container.start()
    url = container.get_connection_url()
    container.get_docker_client().client.close()
    return str(url)


def _engine_answers() -> bool:
    if "DOCKER_HOST" not in os.environ and not SOCKET.exists():
        return False
    if find_spec("docker") is None or find_spec("testcontainers") is None:
        return False
    try:
        with _engine() as engine:
            return bool(engine.ping())
    except _engine_errors():
        return False


@contextlib.contextmanager
def _engine() -> Iterator[docker.DockerClient]:
    import docker

    with contextlib.closing(docker.from_env(timeout=ANSWER_SECONDS)) as engine:
        yield engine


def _engine_errors() -> tuple[type[Exception], ...]:
    from docker.errors import DockerException  # type: ignore[import-untyped]
    from testcontainers.core.exceptions import ContainerConnectException, ContainerStartException

    return OSError, DockerException, ContainerStartException, ContainerConnectException
