"""The history checker: holds what a run did, and what it left, to the promises of docs/guarantees.md.

`check` is a pure function of the history and the rows; the rules are functions of a `Case` too, one a file. An empty
list means that no rule was broken. The rules are exact: what a correct system may do is never a violation, however it
was killed, cut off or frozen. Where an answer was lost a rule therefore accepts each thing that may have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.harness.history.calls import history_of
from tests.harness.history.case import Case
from tests.harness.history.events import read_events
from tests.harness.history.reading import read_rows
from tests.harness.history.rules.accounted import accounted
from tests.harness.history.rules.agrees import agrees
from tests.harness.history.rules.attempts import attempts
from tests.harness.history.rules.caps import caps
from tests.harness.history.rules.claimed import claimed
from tests.harness.history.rules.epochs import epochs
from tests.harness.history.rules.explained import explained
from tests.harness.history.rules.idempotency import idempotency
from tests.harness.history.rules.kept import kept
from tests.harness.history.rules.lost import lost
from tests.harness.history.rules.newest_lease import newest_lease
from tests.harness.history.rules.one_outcome import one_outcome
from tests.harness.history.rules.one_row import one_row
from tests.harness.history.rules.overlap import overlap
from tests.harness.history.rules.steps import steps
from tests.harness.history.rules.stuck import stuck
from tests.harness.history.rules.tenants import tenants
from tests.harness.history.rules.tokens import tokens
from tests.harness.history.rules.truthful import truthful
from tests.harness.history.rules.unexpected import unexpected
from tests.harness.history.rules.whole import whole
from tests.harness.history.rules.windows import windows
from tests.harness.history.violations import Violation

Rule = Callable[[Case], Iterator[Violation]]

RULES: tuple[Rule, ...] = (
    # what callers were told
    lost, whole, unexpected, stuck, idempotency, tenants,
    # leases
    tokens, overlap, newest_lease, kept, claimed, explained,
    # outcomes
    one_row, one_outcome, accounted, truthful, agrees, attempts, steps,
    # flow control and schedules
    caps, windows, epochs,
)  # fmt: skip


def check(case: Case) -> list[Violation]:
    """Every violation, rule by rule."""
    return [found for rule in RULES for found in rule(case)]


def check_run(folder: Path, database_url: str, *, quiesced: bool = True) -> list[Violation]:
    """Judges a run by the files that its processes wrote and the rows that it left."""
    return check(Case(history_of(read_events(folder).events), read_rows(database_url), quiesced=quiesced))
