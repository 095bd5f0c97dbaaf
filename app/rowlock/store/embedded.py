"""The embedded PostgreSQL server: what rowlock runs on when nobody names a database.

`EmbeddedServer(data_dir).start()` leaves a ready server with a database `rowlock`: it makes the
cluster the first time, recovers one that crashed, and adopts one that already runs there, for the
server outlives whoever started it and ends only by `stop`. Any number of starters at once is fine.
It is reached over a private Unix socket and never over TCP.

Every function here blocks (call it through `asyncio.to_thread`). What a person can mend is a
`ConfigurationError`, what time can mend a `DatabaseUnavailable`; both quote the last telling line
of the server's log.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable
from rowlock.store import embedded_cluster as files
from rowlock.store.databases import create_database, database_exists
from rowlock.store.embedded_account import account_for, give_tree, open_way_to
from rowlock.store.embedded_binaries import Binaries, binaries_at, find_binaries
from rowlock.store.embedded_lock import exclusively
from rowlock.store.embedded_postmaster import (
    LOOK_SECONDS,
    Postmaster,
    discard_stale_lock_files,
    family_of,
    running_postmaster,
    wait_until_ended,
    wait_until_settled,
)
from rowlock.store.embedded_socket import PORT, choose_socket_folder, forget_short_folder

DATABASE = "rowlock"
RECOVERY_SECONDS = 300
ANSWER_SECONDS = 15
STOP_SECONDS = 60
ORPHANS_REMAIN = "pre-existing shared memory block"
SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

StopMode = Literal["smart", "fast", "immediate"]


class EmbeddedServer:
    """The PostgreSQL server whose cluster is `data_dir/postgres`.

    `settings` are PostgreSQL's own (`{"work_mem": "32MB"}`). A server that is adopted keeps those
    that it was started with. `home` is another installation than the wheel's, with its own `bin`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        version: int = 18,
        settings: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.cluster = self.data_dir / "postgres"
        self.version = version
        self.settings = dict(settings or {})
        self.home = home

    def start(self) -> None:
        """Returns when the server takes connections and has the database `rowlock`."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with exclusively(self.data_dir):
                self._start_until_it_answers(time.monotonic() + ANSWER_SECONDS)
        except OSError as error:
            raise _unusable(self.data_dir, error) from error

    def stop(self, mode: StopMode = "fast") -> None:
        """Returns when the server and all it started have ended; one that does not run has.

        `smart` waits for clients to go, `fast` ends their transactions, `immediate` leaves
        recovery to the next start.
        """
        if not self.cluster.is_dir():
            return
        try:
            with exclusively(self.data_dir):
                if postmaster := running_postmaster(self.cluster):
                    self._end(postmaster, mode)
                forget_short_folder(self.cluster)
        except OSError as error:
            raise _unusable(self.data_dir, error) from error

    @property
    def running(self) -> bool:
        """Whether a server holds the cluster now, ready or on its way."""
        return self._postmaster() is not None

    @property
    def postmaster_pid(self) -> int | None:
        """The pid of the server's first process; None when it does not run."""
        postmaster = self._postmaster()
        return postmaster.pid if postmaster else None

    def url(self, database: str = DATABASE) -> str:
        """The URL of one of its databases. Raises `DatabaseUnavailable` unless the server runs."""
        postmaster = self._postmaster()
        if postmaster is None:
            raise DatabaseUnavailable(f"The embedded PostgreSQL of {self.data_dir} is not running: start it.")
        return _url(postmaster, database)

    def psql_command(self) -> str:
        """A line to paste into a shell, which opens the database in psql."""
        own = find_binaries(self.version, None).path("psql")
        psql = "psql" if shutil.which("psql") else shlex.quote(str(own))
        return f"{psql} {shlex.quote(self.url())}"

    def _postmaster(self) -> Postmaster | None:
        try:
            return running_postmaster(self.cluster)
        except PermissionError as error:
            raise _unusable(self.data_dir, error) from error

    def _start_until_it_answers(self, deadline: float) -> None:
        """A server that was killed a moment ago still looks alive, or holds the next one up."""
        while True:
            try:
                self._launch_unless_running()
                if not database_exists(self.url("postgres"), DATABASE):
                    create_database(self.url("postgres"), DATABASE)
                return
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_SECONDS)

    def _launch_unless_running(self) -> None:
        if wait_until_settled(self.cluster, within_seconds=RECOVERY_SECONDS):
            return
        account = account_for(self.cluster)
        binaries = binaries_at(self.home, account) if self.home else find_binaries(self.version, account)
        open_way_to(self.cluster, binaries.account)
        if not self.cluster.is_dir() or not any(self.cluster.iterdir()):
            durable = self.settings.get("fsync", "on") == "on"
            files.create_cluster(self.cluster, binaries, self.version, durable=durable)
        files.check_version(self.cluster, self.version)
        give_tree(self.cluster, binaries.account)
        socket_folder = choose_socket_folder(self.cluster, binaries.account)
        files.write_configuration(self.cluster, socket_folder, PORT, self.settings, binaries.account)
        discard_stale_lock_files(self.cluster)
        self._launch(binaries)

    def _launch(self, binaries: Binaries) -> None:
        """Starts the server in a session of its own, where neither Ctrl-C nor our end reaches."""
        startup_log = self.cluster / files.STARTUP_LOG
        startup_log.unlink(missing_ok=True)
        arguments = (
            "start",
            "-s",
            "-w",
            "-t",
            str(RECOVERY_SECONDS),
            "-D",
            str(self.cluster),
            "-l",
            str(startup_log),
        )
        try:
            binaries.run("pg_ctl", *arguments, folder=self.cluster, timeout_seconds=RECOVERY_SECONDS + 30)
        except BaseException:
            if postmaster := running_postmaster(self.cluster):
                self._end(postmaster, "fast")
            raise
        # The verdict is the server's state, not pg_ctl's: one left by an interrupted start will do.
        if not wait_until_settled(self.cluster, within_seconds=RECOVERY_SECONDS):
            words = files.last_words(self.cluster)
            kind = DatabaseUnavailable if ORPHANS_REMAIN in words else ConfigurationError
            raise kind(f"The embedded PostgreSQL of {self.data_dir} did not start: {words}")

    def _end(self, postmaster: Postmaster, mode: StopMode) -> None:
        family = family_of(postmaster)
        if family:
            family[0].send_signal(SIGNALS[mode])
        if not wait_until_ended(family, within_seconds=STOP_SECONDS):
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL of {self.data_dir} did not stop within {STOP_SECONDS} s: "
                f"{files.last_words(self.cluster)}"
            )


def running_server_url(data_dir: Path, database: str = DATABASE) -> str | None:
    """The URL of the embedded server that is ready at `data_dir` now, else None. Starts nothing."""
    data_dir = data_dir.expanduser().resolve()
    try:
        postmaster = running_postmaster(data_dir / "postgres")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    return _url(postmaster, database) if postmaster and postmaster.ready else None


def _url(postmaster: Postmaster, database: str) -> str:
    folder = quote(postmaster.socket_folder, safe="/")
    return f"postgresql://postgres@/{quote(database, safe='')}?host={folder}&port={postmaster.port}"


def _unusable(data_dir: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The data directory {data_dir} cannot be used "
        f"({error.strerror or error}: {error.filename}): "
        "run rowlock as the user it belongs to, or set ROWLOCK_DATA_DIR to another folder."
    )
