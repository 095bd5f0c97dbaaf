"""Waiting until the API says that it is ready."""

from __future__ import annotations

import asyncio
import http.client
import time
from urllib.parse import urlsplit

LOOK_SECONDS = 0.1
ANSWER_SECONDS = 5.0
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def reachable_host(host: str) -> str:
    """The address under which this machine reaches a server that listens on `host`."""
    return WILDCARDS.get(host, host)


async def wait_until_ready(base_url: str, stop: asyncio.Event, *, within_seconds: float) -> bool:
    """Whether `/health/ready` answers 200 in time; False also once `stop` is set."""
    deadline = time.monotonic() + within_seconds
    while not stop.is_set() and time.monotonic() < deadline:
        if await asyncio.to_thread(_ready, base_url):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _ready(base_url: str) -> bool:
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
