"""The kinds of fault, by name. Each is one function, a context manager: it breaks something, and mends it at its end.

Some break one program, others the server; no two faults break the same thing at once. `tells` is a kind's line in
`docs/reliability.md`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module

from tests.harness.nemesis.cast import Actor, Role
from tests.harness.nemesis.scene import Scene
from tests.harness.server_disk import small_disks_allowed

FAMILIES = ("processes", "network", "server", "sessions", "disk")


class NothingBroken(Exception):
    """Raised at a fault's end: it found no occasion, and does not count."""


@dataclass(frozen=True)
class Fault:
    """One kind. `on` are the roles of which it breaks one program, or none where it breaks the server.

    `disk` names the small disk that it needs.
    """

    kind: str
    tells: str
    breaking: Callable[[Scene, Actor | None], AbstractAsyncContextManager[None]]
    on: tuple[Role, ...] = ()
    disk: str | None = None


_KINDS: dict[str, Fault] = {}
BreaksProgram = Callable[[Scene, Actor], AsyncIterator[None]]
BreaksServer = Callable[[Scene], AsyncIterator[None]]


def program_fault(kind: str, *, on: tuple[Role, ...], tells: str) -> Callable[[BreaksProgram], BreaksProgram]:
    """Registers a kind of fault that breaks one program."""

    def register(function: BreaksProgram) -> BreaksProgram:
        breaks = asynccontextmanager(function)

        def breaking(scene: Scene, actor: Actor | None) -> AbstractAsyncContextManager[None]:
            assert actor is not None, f"{kind} needs a program to break."
            return breaks(scene, actor)

        _add(Fault(kind, tells, breaking, on))
        return function

    return register


def server_fault(kind: str, *, tells: str, disk: str | None = None) -> Callable[[BreaksServer], BreaksServer]:
    """Registers a kind of fault that breaks the server."""

    def register(function: BreaksServer) -> BreaksServer:
        breaks = asynccontextmanager(function)
        _add(Fault(kind, tells, lambda scene, _: breaks(scene), disk=disk))
        return function

    return register


def _add(fault: Fault) -> None:
    assert fault.kind not in _KINDS, f"There are two faults called {fault.kind}."
    _KINDS[fault.kind] = fault


def kinds() -> dict[str, Fault]:
    """All kinds by name."""
    for family in FAMILIES:
        import_module(f"tests.harness.nemesis.faults_{family}")
    return dict(_KINDS)


def kinds_allowed() -> dict[str, Fault]:
    """Those that this account may cause: a small disk takes root."""
    allowed = small_disks_allowed()
    return {kind: one for kind, one in kinds().items() if one.disk is None or allowed}
