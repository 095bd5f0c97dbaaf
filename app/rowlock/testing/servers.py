"""The PostgreSQL that the tests run against, one per run, started by the first test that needs it.

In this order: `ROWLOCK_TEST_DATABASE_URL` (a server of yours, whose role may create databases);
Docker; the embedded server. `ROWLOCK_TEST_POSTGRES` chooses the major version of the last two, and
`ROWLOCK_TEST_FSYNC=on` makes them durable, which the tests of the promises need and others do not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rowlock.domain.errors import RowlockError
from rowlock.store.databases import Strategy, with_database
from rowlock.store.embedded import EmbeddedServer
from rowlock.store.embedded_lock import exclusively
from rowlock.testing.databases import FreshDatabases, migrated
from rowlock.testing.server_docker import remove_containers, start_container
from rowlock.testing.server_runs import abandoned_runs, end_run, fsync_wanted, make_run

SETTINGS = {"max_connections": "300", "autovacuum": "off", "max_wal_size": "512MB"}
# Each clone forces a checkpoint, after which every page that changes would be logged whole, and compressed: a tenth of
# what tests cost PostgreSQL. Another tenth it would spend on handing its reads to other processes, for files in memory.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "wal_compression": "off"}
FAST_SETTINGS_SINCE_18 = {"io_method": "sync"}


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL: `url` is a database of it, `admin_url` one to create others from."""

    kind: Literal["given", "docker", "embedded"]
    url: str
    admin_url: str


def server_of(run: Path) -> Server:
    """The run's server; the first test program to ask starts it, the others find it recorded."""
    make_run(run)
    with exclusively(run):
        server = _recorded(run)
        if server is None:
            server = _start(run)
            record = _record(run)
            record.touch(mode=0o600)
            record.write_text(json.dumps(asdict(server)))
        return server


def databases_on(
    server: Server, run: Path, *, suffix: str = "", prepare: Callable[[str], None] = migrated
) -> FreshDatabases:
    """Databases named after the run; on a server of our own, cloned in the way that is fastest."""
    strategy: Strategy = "wal_log" if server.kind == "given" else "file_copy"
    prefix = run.name.replace("-", "_") + suffix
    return FreshDatabases(server.admin_url, prefix=prefix, prepare=prepare, strategy=strategy)


def stop_server_of(run: Path) -> None:
    """Leaves nothing of the run: no server, no container, no database, no folder."""
    server = _recorded(run)
    if server and server.kind == "given":
        databases_on(server, run).drop_all()
    if server is None or server.kind == "docker":
        remove_containers(run.name)
    _embedded(run).stop("immediate")
    end_run(run)


def stop_abandoned_servers() -> list[str]:
    """Does that for earlier runs that were killed; a sentence for each that resists."""
    complaints = []
    for run in abandoned_runs():
        try:
            stop_server_of(run)
        except (RowlockError, OSError) as error:
            complaints.append(f"The earlier run {run} could not be cleaned up: {error}")
    return complaints


def server_kind_of(run: Path) -> str | None:
    """Which kind of server the run used; None when no test asked for one."""
    server = _recorded(run)
    return server.kind if server else None


def fast_settings(version: int) -> dict[str, str]:
    """Those of a server whose data nobody will miss."""
    return SETTINGS | FAST_SETTINGS | (FAST_SETTINGS_SINCE_18 if version >= 18 else {})


def _start(run: Path) -> Server:
    if given := os.environ.get("ROWLOCK_TEST_DATABASE_URL"):
        return Server("given", given, given)
    version = int(os.environ.get("ROWLOCK_TEST_POSTGRES", "18"))
    settings = SETTINGS if fsync_wanted() else fast_settings(version)
    if url := start_container(run.name, version, settings):
        return Server("docker", url, with_database(url, "postgres"))
    embedded = _embedded(run, version, settings)
    embedded.start()
    return Server("embedded", embedded.url(), embedded.url("postgres"))


def _embedded(run: Path, version: int = 18, settings: dict[str, str] | None = None) -> EmbeddedServer:
    return EmbeddedServer(run / "server", version=version, settings=settings)


def _recorded(run: Path) -> Server | None:
    record = _record(run)
    return Server(**json.loads(record.read_text())) if record.exists() else None


def _record(run: Path) -> Path:
    return run / "server.json"
