"""All cases, in the order in which they run and are shown."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import backlog, churn, drain, enqueue, floor, idle, lanes, mixes, pickup, rest, steady

CASES: dict[str, Case] = {
    module.CASE.name: module.CASE
    for module in (enqueue, drain, floor, pickup, rest, churn, steady, backlog, lanes, mixes, idle)
}
