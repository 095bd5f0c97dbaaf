"""A PostgreSQL server of a test's own, which it may restart, kill, freeze, fill up and fail over.

    with postgres_server(template) as server: …

It has the durable settings of a real one (`fsync`, `synchronous_commit`, `full_page_writes`), rowlock's schema, and is
there in about half a second. `server.url` leads rowlock's role (no superuser) to it and stays the same through
restarts; `server.query` asks as the superuser, for whom three connections are reserved.

- its life: `start`, `stop(mode)`, `restart`, `kill` (the postmaster, as the kernel's out-of-memory killer does),
  `kill_backend` (one backend by SIGKILL: PostgreSQL ends all sessions and recovers by itself), `terminate_backends`,
  `freeze`, `thaw`, `runs`, `wait_until_it_answers`;
- its settings: `configure` (ALTER SYSTEM and reload; `restart` for those that need one, such as `max_connections`);
- its connections: `exhausted()` holds every connection that rowlock's role could have;
- its disks: `put_tables_on_small_disk`, `put_wal_on_small_disk`; each returns a disk to `fill` and `free`;
- its standbys (`tests/harness/server_standby.py`): `standby(server, name)`, `promote`, `url_of_any`.

Everything here blocks; in an event loop whose own services are to go on meanwhile, call it by `asyncio.to_thread`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.harness.eventually import eventually_sync
from tests.harness.server_disk import SmallDisk
from tests.harness.server_folders import end_folder, freeze, new_folder, thaw
from tests.harness.server_template import DATABASE, ROLE, SMALL, VERSION, ServerTemplate, binaries, url_of_role

from rowlock.store.embedded import EmbeddedServer, StopMode
from rowlock.store.embedded_account import give
from rowlock.store.embedded_postmaster import family_of, running_postmaster, wait_until_ended

KILLED_FAMILY_SECONDS = 30
OTHER_CLIENT = "other client"


class PostgresServer:
    """One server, whose cluster is already in `folder`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self._server = EmbeddedServer(folder, version=VERSION, settings=SMALL | dict(settings))
        self._admin_url = ""

    @property
    def url(self) -> str:
        """Where rowlock's role finds its database, whether the server runs or not."""
        return url_of_role(self._admin_url)

    @property
    def admin_url(self) -> str:
        """The same database for the superuser."""
        return self._admin_url

    @property
    def cluster(self) -> Path:
        """The server's data directory."""
        return self._server.cluster

    # -- its life

    @property
    def runs(self) -> bool:
        return self._server.running

    def start(self) -> None:
        """Returns when it takes connections; recovers first where it was killed."""
        self._server.start()
        self._admin_url = self._server.url(DATABASE)

    def stop(self, mode: StopMode = "fast") -> None:
        """`fast` ends transactions under way, `immediate` is a crash, `smart` waits for clients to go."""
        self._server.stop(mode)

    def restart(self, mode: StopMode = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """SIGKILL of the postmaster; its backends notice and end, which is waited for. `start` recovers."""
        postmaster = running_postmaster(self.cluster)
        assert postmaster is not None, "There is no server to kill."
        family = family_of(postmaster)
        os.kill(postmaster.pid, signal.SIGKILL)
        assert wait_until_ended(family, within_seconds=KILLED_FAMILY_SECONDS), "Backends outlived their postmaster."

    def kill_backend(self, application_name: str = "%") -> int:
        """SIGKILL of one backend whose client calls itself so (a LIKE pattern); its pid.

        PostgreSQL then ends every session, recovers, and takes connections again.
        """
        pid: int = eventually_sync(lambda: self._backends(application_name))[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def terminate_backends(self, application_name: str = "%") -> int:
        """`pg_terminate_backend` of rowlock's sessions of that name (a LIKE pattern); how many."""
        return sum(self.query("SELECT pg_terminate_backend(%s)", pid)[0][0] for pid in self._backends(application_name))

    def freeze(self) -> None:
        """SIGSTOP of the whole server: it neither answers nor hangs up."""
        freeze(self.cluster)

    def thaw(self) -> None:
        thaw(self.cluster)

    def wait_until_it_answers(self) -> None:
        """Returns when rowlock's role gets an answer: after `kill_backend`, or when something was freed."""
        eventually_sync(self._answers)

    def bring_back(self) -> None:
        """Returns when rowlock's role gets an answer. A server that cannot recover goes down for good, if not at once:
        that one is started."""
        eventually_sync(self._answers_or_starts)

    def _answers_or_starts(self) -> bool:
        if not self.runs:
            self.start()
        return self._answers()

    # -- asked and told as the superuser

    def query(self, statement: str, *parameters: Any) -> list[Any]:
        """Rows of one statement in autocommit, on a connection of its own."""
        with psycopg.connect(self._admin_url, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def configure(self, **settings: str | None) -> None:
        """Sets settings of PostgreSQL (None: back to the default) and has them read."""
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            for name, value in settings.items():
                clause = sql.SQL("RESET {}") if value is None else sql.SQL("SET {} = {}")
                connection.execute(
                    sql.SQL("ALTER SYSTEM ") + clause.format(sql.Identifier(name), *([] if value is None else [value]))
                )
            connection.execute("SELECT pg_reload_conf()")

    # -- its connections

    @contextmanager
    def exhausted(self) -> Iterator[None]:
        """For the block, other clients of rowlock's role hold every connection that it could have."""
        with ExitStack() as held:
            while self._take_connections(held) or self._backends("%"):
                self.terminate_backends()
            yield

    def _take_connections(self, held: ExitStack) -> int:
        """Opens connections until there is none left for rowlock's role; how many."""
        for taken in itertools.count():
            try:
                held.enter_context(psycopg.connect(self.url, application_name=OTHER_CLIENT, autocommit=True))
            except psycopg.OperationalError as error:
                if "connection slots" not in str(error) and "too many clients" not in str(error):
                    raise
                return taken
        raise AssertionError("A server has endless connections.")

    # -- its disks

    def put_tables_on_small_disk(self, *, mib: int) -> SmallDisk:
        """Moves rowlock's tables to a disk of so many MiB. Nobody may be connected."""
        disk = self._new_disk("disk-tables", mib)
        place = disk.folder / "tablespace"
        place.mkdir(mode=0o700)
        give(place, binaries(self.cluster).account)
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(str(place)))
            connection.execute(f"ALTER DATABASE {DATABASE} SET TABLESPACE small")
        return disk

    def put_wal_on_small_disk(self, *, mib: int) -> SmallDisk:
        """Moves the write-ahead log to a disk of so many MiB, and restarts."""
        self.configure(max_wal_size=f"{mib // 3}MB")
        self.stop()
        disk = self._new_disk("disk-wal", mib)
        place = disk.folder / "pg_wal"
        wal = self.cluster / "pg_wal"
        account = binaries(self.cluster).account
        shutil.copytree(wal, place)
        for path in (place, *place.rglob("*")):
            give(path, account)
        wal.rename(self.folder / "former-wal")
        wal.symlink_to(place)
        give(wal, account)
        self.start()
        return disk

    def _new_disk(self, name: str, mib: int) -> SmallDisk:
        return SmallDisk(self.folder / name, mib=mib)

    def _backends(self, application_name: str) -> list[int]:
        rows = self.query(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s AND application_name LIKE %s"
            " AND application_name <> %s AND backend_type = 'client backend' ORDER BY backend_start",
            ROLE,
            application_name,
            OTHER_CLIENT,
        )
        return [pid for (pid,) in rows]

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


@contextmanager
def postgres_server(template: ServerTemplate, **settings: str) -> Iterator[PostgresServer]:
    """A running server with these settings of PostgreSQL; nothing of it is left when the block ends."""
    folder = new_folder()
    try:
        template.copy_to(folder)
        server = PostgresServer(folder, settings)
        server.start()
        yield server
    finally:
        end_folder(folder)
