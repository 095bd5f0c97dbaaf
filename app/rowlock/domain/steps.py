"""How the steps of a task are told apart: by a name, and by how often the attempt has used it."""

from __future__ import annotations

from typing import NamedTuple

from rowlock.domain.bounds import check_name


class StepName(NamedTuple):
    """One step of a task. `occurrence` counts the uses of a name within an attempt, from 1."""

    name: str
    occurrence: int = 1

    def __str__(self) -> str:
        """`charge`, `charge#2`: a name cannot hold a `#`, so no two steps look the same."""
        return self.name if self.occurrence == 1 else f"{self.name}#{self.occurrence}"

    @classmethod
    def parse(cls, text: str) -> StepName:
        """The step that `str` wrote like this."""
        name, _, occurrence = text.partition("#")
        return cls(name, int(occurrence or 1))


class StepCounter:
    """Numbers the uses of names in one attempt, in the order of the calls. Threads that share one must take turns."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}

    def next(self, name: object) -> StepName:
        """The step that a use of the name now would be. Raises `InvalidArgument` for what is no name."""
        checked = check_name(name, field="step")
        return StepName(checked, self._uses.get(checked, 0) + 1)

    def use(self, name: object) -> StepName:
        """The step that this use of the name is."""
        step = self.next(name)
        self._uses[step.name] = step.occurrence
        return step
