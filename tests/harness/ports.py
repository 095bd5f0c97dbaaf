"""Ports of this machine that nobody listens on now, and that nobody is given by the kernel a moment later."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from secrets import randbelow  # what else is random may be seeded, alike in each of pytest's workers

LOWEST = 10_000
GIVEN_BY_THE_KERNEL = Path("/proc/sys/net/ipv4/ip_local_port_range")
GIVEN_BY_MOST_KERNELS = 32_768


def free_ports(count: int = 1) -> list[int]:
    """So many, that follow each other."""
    while True:
        first = LOWEST + randbelow(_lowest_given() - LOWEST - count)
        ports = [first + n for n in range(count)]
        with ExitStack() as probes:
            try:
                for port in ports:
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:  # one of them is taken
                continue
            return ports


def _lowest_given() -> int:
    """From there on the kernel gives ports to whoever connects to somewhere."""
    if not GIVEN_BY_THE_KERNEL.exists():
        return GIVEN_BY_MOST_KERNELS
    return max(int(GIVEN_BY_THE_KERNEL.read_text().split()[0]), LOWEST + 1_000)
