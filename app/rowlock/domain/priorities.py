"""The four priorities: smaller runs first, and strictly so within one queue."""

from __future__ import annotations

from enum import IntEnum

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidArgument


class Priority(IntEnum):
    """What `tasks.priority` holds."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3

    @property
    def label(self) -> str:
        """The name people write: `critical`, `high`, `normal` or `low`."""
        return self.name.lower()


_BY_LABEL = {priority.label: priority for priority in Priority}


def parse_priority(value: object) -> Priority:
    """A name in any case, or 0 to 3; anything else, `True` included, is an `InvalidArgument`."""
    if isinstance(value, str):
        found = _BY_LABEL.get(value.lower())
        if found is not None:
            return found
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= Priority.LOW:
        return Priority(value)
    raise InvalidArgument(
        f"The priority {shown(value)} is unknown: use critical, high, normal, low or 0 to 3.",
        field="priority",
    )
