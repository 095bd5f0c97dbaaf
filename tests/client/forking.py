"""A program that forks with its pools open, as `gunicorn --preload` does: each process enqueues, the parent twice.

`python -m tests.client.forking URL` ends with 0 where all went well and the parent kept its connections.
"""

from __future__ import annotations

import gc
import os
import sys

import psycopg
from tests.harness.installation import settings_for

from rowlock import Rowlock


def sessions(url: str) -> set[int]:
    """The server processes that serve applications."""
    with psycopg.connect(url) as watching:
        found = watching.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'rowlock client'"
        )
        return {pid for (pid,) in found}


def forked() -> bool:
    """Whether this is a child; the parent goes on when it has ended in order."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"the child ended with {status}"
    return pid == 0


def main(url: str) -> None:
    app = Rowlock(settings=settings_for(url))
    app.enqueue_sync("noop", {"by": "parent"})
    before = sessions(url)
    making = app._own._making
    making.acquire()  # as another thread might hold it just now, which the child would not have
    is_child = forked()
    if is_child:
        gc.collect()
    else:
        making.release()
    app.enqueue_sync("noop", {"by": "child" if is_child else "parent"})
    assert is_child or sessions(url) == before, "the parent has lost its connection"
    app.close_sync()


if __name__ == "__main__":
    main(sys.argv[1])
