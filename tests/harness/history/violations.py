"""What the checker finds: a broken promise, in a sentence, with the lines and rows that show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tests.harness.history.calls import Call


class Recorded(Protocol):
    """What was read from a call, and can name it as evidence."""

    @property
    def call(self) -> Call: ...


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `rule` is the name of the rule's function."""

    rule: str
    sentence: str
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n    ".join((f"{self.rule}: {self.sentence}", *self.evidence))


def violation(rule: str, sentence: str, *evidence: object) -> Violation:
    """Evidence may be calls, what was read from them, and rows; what is None is left out."""
    lines = (line for of in evidence if of is not None for line in _lines(of))
    return Violation(rule, sentence, tuple(dict.fromkeys(lines)))


def shown(microseconds: int) -> str:
    """An instant as people read it."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()


def _lines(of: object) -> tuple[str, ...]:
    call = of if isinstance(of, Call) else getattr(of, "call", None)
    return call.evidence if isinstance(call, Call) else (repr(of),)
