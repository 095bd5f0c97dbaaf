"""Tenants are disjoint: nothing of one is shown to, claimed for, or changed by another."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case
from tests.harness.history.rows import ExecutionRow, KeyRow, StepRow, WindowRow
from tests.harness.history.violations import Violation, violation

RULE = "tenants"


def tenants(case: Case) -> Iterator[Violation]:
    for ask in case.history.asks:
        yield from _belongs(case, ask.may_be_stored_as, ask.tenant, "stored for", ask)
    for lease in case.history.leases:
        yield from _belongs(case, lease.task, lease.tenant, "claimed for", lease)
        if lease.lane.split("/")[0] != lease.tenant:
            yield violation(RULE, f"Task {lease.task} of {lease.tenant} was claimed in lane {lease.lane}.", lease)
    owned: list[ExecutionRow | WindowRow | StepRow | KeyRow] = [
        *case.rows.executions,
        *case.rows.windows,
        *case.rows.steps,
        *case.rows.keys,
    ]
    for row in owned:
        yield from _belongs(case, row.task, row.tenant, "on record for", row)
    for call in case.history.of("read", "cancel", "redrive"):
        if call.ok:
            yield from _belongs(case, call.asked["task"], call.asked["tenant"], f"open to a {call.operation} by", call)


def _belongs(case: Case, task: str | None, tenant: str, what: str, shown: object) -> Iterator[Violation]:
    row = case.tasks.get(task) if task else None
    if row is not None and row.tenant != tenant:
        yield violation(RULE, f"Task {row.id} of {row.tenant} was {what} {tenant}.", shown, row)
