"""Versions of the shape of a handler's payloads, or of its results: the present one, and the way up to it.

Each upcast leads from one version to the next. Together they must lead without a gap from the oldest version that the
handler takes to its own; `check` says so when an application is loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from rowlock.domain.bounds import MAX_VERSION, shown
from rowlock.domain.errors import ConfigurationError

Json = Any  # whatever JSON spells
Upcast = Callable[[Any], Any]
F = TypeVar("F", bound=Upcast)


class Versions:
    """The versions that one handler knows. `what` is `payload` or `result`, for the sentences."""

    def __init__(self, handler: str, what: str, current: int) -> None:
        if type(current) is not int or not 1 <= current <= MAX_VERSION:
            raise ConfigurationError(
                f"Handler {handler!r} declares {what}_version={shown(current)}, but it must be 1 to {MAX_VERSION}."
            )
        self._handler = handler
        self._what = what
        self._upcasts: dict[int, Upcast] = {}
        self.current = current

    @property
    def oldest(self) -> int:
        """The oldest version that is known."""
        return min(self._upcasts, default=self.current)

    def knows(self, version: int) -> bool:
        """Whether a value of that version can be used."""
        return version == self.current or self.oldest <= version < self.current

    def upcast(self, from_version: int) -> Callable[[F], F]:
        """Declares the function that turns a value of `from_version` into one of the next version."""
        if type(from_version) is not int or not 1 <= from_version < self.current:
            raise ConfigurationError(
                f"Handler {self._handler!r} has {self._what}_version={self.current}, so an upcast can start from "
                f"1 to {self.current - 1}, but not from {shown(from_version)}."
                if self.current > 1
                else f"Handler {self._handler!r} has {self._what}_version=1, so there is nothing to upcast from: "
                "raise the version first."
            )
        if from_version in self._upcasts:
            raise ConfigurationError(
                f"Handler {self._handler!r} has an upcast of its {self._what} from version {from_version} already."
            )

        def declare(function: F) -> F:
            if inspect.iscoroutinefunction(function):
                raise ConfigurationError(
                    f"The upcast from version {from_version} of handler {self._handler!r} must be a plain function."
                )
            self._upcasts[from_version] = function
            return function

        return declare

    def check(self) -> None:
        """Raises `ConfigurationError` for a gap between the oldest version and the present one."""
        missing = [version for version in range(self.oldest, self.current) if version not in self._upcasts]
        if missing:
            raise ConfigurationError(
                f"Handler {self._handler!r} upcasts its {self._what} from version {self.oldest}, but not from "
                f"{', '.join(map(str, missing))}: declare those upcasts too, for each leads to the next version only."
            )

    def brought_up(self, value: Json, version: int) -> Json:
        """`value`, of a version that is known, in the shape of the present one. Raises what an upcast raises."""
        for step in range(version, self.current):
            value = self._upcasts[step](value)
            if self._what == "payload" and not isinstance(value, dict):
                raise TypeError(
                    f"The upcast from version {step} of handler {self._handler!r} returned {type(value).__name__}, "
                    "but a payload is a dict."
                )
        return value
