"""Ports of this machine that nobody listens on now."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_ports(count: int = 1) -> list[int]:
    """So many, that follow each other."""
    while True:
        with ExitStack() as probes:
            first = probes.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            ports = [int(first) + n for n in range(count)]
            try:
                for port in ports[1:]:
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
            except (OSError, OverflowError):  # one of them is taken, or beyond the last there is
                continue
            return ports
