"""A pool ends with its event loop, whatever it was about to do."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from tests.harness.installation import settings_for

from rowlock.store.database import Database


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_ends_though_a_connection_is_being_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never says a word
        settings = settings_for(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none")

        async def open_and_leave() -> None:
            database = Database(settings)
            await database.open()
            await asyncio.to_thread(silent.accept)

        running = threading.Thread(target=asyncio.run, args=(open_and_leave(),), daemon=True)
        running.start()
        running.join(timeout=30)
        assert not running.is_alive()
