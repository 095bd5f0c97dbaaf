"""What a case is: a name, a sentence, and variants, each of which is run several times on databases of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.harness.figures import Measured
from benchmarks.harness.stage import Stage
from benchmarks.systems import System

Scale = Literal["quick", "full", "long"]


@dataclass(frozen=True)
class Variant:
    """One thing to measure. `once` is for what takes minutes: it is repeated in the long scale only."""

    name: str
    system: System
    run: Callable[[Stage], Measured]
    once: bool = False


@dataclass(frozen=True)
class Case:
    """Variants that belong into one table, with the figures that it shows."""

    name: str
    title: str
    says: str
    columns: tuple[str, ...]
    variants: Callable[[Scale, Sequence[System]], list[Variant]]
    compares: bool = False


def sized(scale: Scale, *, quick: int, full: int, long: int | None = None) -> int:
    """A size of the scale that is asked for."""
    return {"quick": quick, "full": full, "long": full if long is None else long}[scale]


def comparing(systems: Sequence[System]) -> bool:
    """Whether others are measured beside rowlock, and so only what all can do."""
    return any(not system.is_rowlock for system in systems)
