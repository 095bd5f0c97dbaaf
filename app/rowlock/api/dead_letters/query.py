"""Filters of the list of dead letters."""

from __future__ import annotations

from rowlock.api.pagination import PageQuery
from rowlock.api.wire import QueueName, TaskName


class DeadLetterQuery(PageQuery):
    """Filters of `GET /v1/dead-letters`, joined by AND."""

    queue: QueueName | None = None
    name: TaskName | None = None
