"""Where the embedded server's Unix socket lies.

Beside its data, where the folder's own permissions (0700) are all the authentication there is. A
path too long for a socket address (or one that libpq would take for a list of hosts, or a file
system without sockets) sends it to a private folder of the same permissions below `/tmp`, named
after the data; one that somebody else made is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
from pathlib import Path

from rowlock.domain.errors import ConfigurationError
from rowlock.store.embedded_account import Account, give

PORT = 5432
SHORT_ROOT = Path("/tmp")  # not TMPDIR, which may be too long itself
LONGEST_FOLDER = 88  # bytes: macOS allows 104 for the whole address, and "/.s.PGSQL.5432" and a NUL take 16
SPECIAL = frozenset(",\"'\\")


def choose_socket_folder(cluster: Path, account: Account | None) -> Path:
    """The folder for the socket of `cluster`, made and owned by the server's account."""
    if _fits(cluster) and _holds_sockets(cluster):
        return cluster
    return _own_short_folder(short_folder(cluster), account)


def short_folder(cluster: Path) -> Path:
    """The stand-in for a cluster whose own path cannot hold the socket."""
    return SHORT_ROOT / f"rowlock-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"


def forget_short_folder(cluster: Path) -> None:
    """Removes the stand-in of a stopped server, if there is one and it is empty."""
    try:
        short_folder(cluster).rmdir()
    except OSError:
        return


def _fits(folder: Path) -> bool:
    text = str(folder)
    return len(os.fsencode(folder)) <= LONGEST_FOLDER and text.isprintable() and not SPECIAL & set(text)


def _holds_sockets(folder: Path) -> bool:
    probe = folder / ".s.probe"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unbound:
        try:
            unbound.bind(str(probe))
        except OSError:
            return False
    probe.unlink()
    return True


def _own_short_folder(folder: Path, account: Account | None) -> Path:
    ours = {os.geteuid(), account.uid if account else os.geteuid()}
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
        raise ConfigurationError(
            f"The folder {folder}, meant for PostgreSQL's socket, belongs to somebody else: "
            "remove it, or set ROWLOCK_DATA_DIR to a shorter path."
        )
    folder.chmod(0o700)
    give(folder, account)
    return folder
