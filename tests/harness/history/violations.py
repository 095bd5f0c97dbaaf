"""What the checker finds: a broken promise, in a sentence, with the lines and rows that show it."""

from __future__ import annotations

from dataclasses import dataclass
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
    lines = (line for shown in evidence if shown is not None for line in _lines(shown))
    return Violation(rule, sentence, tuple(dict.fromkeys(lines)))


def _lines(shown: object) -> tuple[str, ...]:
    call = shown if isinstance(shown, Call) else getattr(shown, "call", None)
    return call.evidence if isinstance(call, Call) else (repr(shown),)
