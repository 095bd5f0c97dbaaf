"""Shared by the rules' tests: a run with one task, and what a rule says of a run that somebody has spoilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.harness.history.case import Case
from tests.harness.history.simulator import Held, Simulator
from tests.harness.history.violations import Violation

Rule = Callable[[Case], Iterator[Violation]]


def sentences(rule: Rule, case: Case) -> list[str]:
    """What the rule finds; each finding is signed, and shown."""
    found = list(rule(case))
    assert all(one.rule == rule.__name__ and one.evidence for one in found)
    return [one.sentence for one in found]


def leased(system: Simulator, *, worker: int = 1, lease_seconds: float = 30, **options: Any) -> Held:
    """A new task under a lease."""
    system.enqueue(**options)
    [held] = system.claim(worker, lease_seconds=lease_seconds)
    return held


def answer(system: Simulator, nth: int, **told: Any) -> None:
    """Spoils what was answered to a call."""
    call = system.calls[nth]
    system.calls[nth] = replace(call, answer={**call.answer, **told})


def ask(system: Simulator, nth: int, **asked: Any) -> None:
    """Spoils what was asked by a call."""
    call = system.calls[nth]
    system.calls[nth] = replace(call, asked={**call.asked, **asked})
