"""The sockets that the API listens on."""

from __future__ import annotations

import socket

from rowlock.domain.errors import ConfigurationError

BACKLOG = 2_048
ANYWHERE = {"0.0.0.0", "::", ""}


def listen(host: str, port: int, *, setting: str = "--port or ROWLOCK_PORT") -> socket.socket:
    """A socket that listens there; port 0 takes a free one. `ConfigurationError` where that cannot be.

    `setting` is what chooses the port, for the error's sentence.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        raise ConfigurationError(
            f"The API cannot listen on {host} port {port}: {error.strerror or error}. "
            f"Stop what uses it, or choose another with {setting}."
        ) from error


def inherited(descriptor: int) -> socket.socket:
    """A socket that was handed on by whoever started this process. `ConfigurationError` where it does not listen."""
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigurationError(f"Descriptor {descriptor} is no socket: {error.strerror or error}.") from error
    internet = listener.family in (socket.AF_INET, socket.AF_INET6)
    if not internet or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.detach()
        raise ConfigurationError(f"Descriptor {descriptor} is no TCP socket that listens.")
    return listener


def address_of(listener: socket.socket) -> str:
    """Where the API can be reached, from this machine at least."""
    host, port = listener.getsockname()[:2]
    reachable = "127.0.0.1" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{reachable}:{port}"
