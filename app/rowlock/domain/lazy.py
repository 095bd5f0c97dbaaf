"""Sequences whose elements are made when somebody asks for them.

A bulk enqueue answers with a handle for each task, and few callers look at them: made in advance they would take more
time than all else that the client does for the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

S = TypeVar("S")
T = TypeVar("T")


class LazySequence(Sequence[T]):
    """What `make` gives for each element of `source`, anew at each access."""

    __slots__ = ("_make", "_source")

    def __init__(self, make: Callable[[S], T], source: Sequence[S]) -> None:
        self._make: Callable[..., T] = make
        self._source: Sequence[object] = source

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._source)

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> LazySequence[T]: ...

    def __getitem__(self, at: int | slice) -> T | LazySequence[T]:
        if isinstance(at, slice):
            return LazySequence(self._make, self._source[at])
        return self._make(self._source[at])

    def __repr__(self) -> str:
        return repr(list(self))
