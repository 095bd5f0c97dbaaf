"""The embedded server's cluster: how its files come to be, their settings, and its last words.

A cluster appears under its name only when it is complete: initdb works in a folder beside it, which
is renamed. A start that dies half-way leaves nothing that looks like a cluster.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

from rowlock.domain.errors import ConfigurationError
from rowlock.store.embedded_account import Account, give
from rowlock.store.embedded_binaries import Binaries

INITDB_SECONDS = 120
SETTING_NAME = re.compile(r"[a-z_][a-z0-9_.]*")
STARTUP_LOG = "startup.log"
BESIDE_THE_POINT = re.compile(r"\b(HINT|DETAIL|CONTEXT|STATEMENT):|contains errors")

SETTINGS = {
    # What the promises need. Never turned off here.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A private socket, and nothing else.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # A small machine that does many short transactions.
    "max_connections": "100",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "huge_pages": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_locks_per_transaction": "256",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "10min",
    "autovacuum_naptime": "10s",
    # One log file a weekday, overwritten a week later.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def create_cluster(cluster: Path, binaries: Binaries, version: int, *, durable: bool) -> None:
    """Runs initdb beside `cluster` and renames the result; not durable: no wait for the disk."""
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh = cluster.with_name(f"{cluster.name}.new-{secrets.token_hex(8)}")
    fresh.mkdir(mode=0o700)
    try:
        give(fresh, binaries.account)
        _run_initdb(fresh, binaries, version, durable=durable)
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(
                "\ninclude = 'rowlock.conf'  # written at every start\ninclude_if_exists = 'local.conf'  # yours\n"
            )
        (fresh / "local.conf").write_text("# Your own settings; they override rowlock.conf.\n")
        give(fresh / "local.conf", binaries.account)
        fresh.rename(cluster)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _run_initdb(fresh: Path, binaries: Binaries, version: int, *, durable: bool) -> None:
    locale = (
        ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        if version >= 17
        else ("--locale=C.UTF-8",)
    )
    arguments = (
        f"--pgdata={fresh}",
        "--username=postgres",
        "--encoding=UTF8",
        *locale,
        "--data-checksums",
    )
    authentication = ("--auth-local=trust", "--auth-host=scram-sha-256")
    sync = () if durable else ("--no-sync",)
    made = binaries.run("initdb", *arguments, *authentication, *sync, folder=fresh, timeout_seconds=INITDB_SECONDS)
    if made.returncode != 0:
        raise ConfigurationError(
            f"PostgreSQL's cluster could not be made in {fresh.parent}: {_telling_line(made.stdout)}"
        )


def check_version(cluster: Path, version: int) -> None:
    """Refuses a cluster of another major version, and a folder that is no cluster."""
    try:
        found = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{cluster} exists but is no PostgreSQL cluster: move it away.") from error
    if found != str(version):
        raise ConfigurationError(
            f"The data in {cluster} was made by PostgreSQL {found}, and the embedded server is "
            f"{version}: move it with pg_dump and pg_restore, or set ROWLOCK_DATA_DIR to another "
            "folder."
        )


def write_configuration(
    cluster: Path,
    socket_folder: Path,
    port: int,
    settings: Mapping[str, str],
    account: Account | None,
) -> None:
    """Replaces `rowlock.conf`; the user's `local.conf` and ALTER SYSTEM are read after it."""
    shared_buffers = "256MB" if psutil.virtual_memory().total >= 4 << 30 else "128MB"
    place = {
        "unix_socket_directories": str(socket_folder),
        "port": str(port),
        "shared_buffers": shared_buffers,
    }
    lines = ["# Written by rowlock at every start. Put your own settings into local.conf beside it.\n"]
    for name, value in {**SETTINGS, **place, **settings}.items():
        if not SETTING_NAME.fullmatch(name) or not value.isprintable():
            raise ConfigurationError(f"{name!r} = {value!r} cannot be a setting of PostgreSQL.")
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{escaped}'\n")
    fresh = cluster / f"rowlock.conf.{secrets.token_hex(8)}"
    with fresh.open("x", encoding="utf-8") as file:  # never through a link that the account may have laid
        os.fchmod(file.fileno(), 0o600)
        file.writelines(lines)
    give(fresh, account)
    fresh.replace(cluster / "rowlock.conf")


def last_words(cluster: Path) -> str:
    """The line of the server's newest log that says why it stopped, or the last one there is."""
    logs = [log for log in (cluster / STARTUP_LOG, *(cluster / "log").glob("*.log")) if log.is_file()]
    for log in sorted(logs, key=lambda log: log.stat().st_mtime_ns, reverse=True):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
        if text.strip():
            return _telling_line(text)
    return "its log is empty."


def _telling_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not BESIDE_THE_POINT.search(line)]
    reasons = [line for line in telling if re.search(r"\b(FATAL|PANIC|error):", line)]
    return (reasons or telling or lines or ["it said nothing."])[-1]
