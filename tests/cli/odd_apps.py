"""Applications that are no trouble, and one that is, for tests of how workers begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from rowlock import Rowlock
from rowlock.domain.errors import DatabaseUnavailable


class Money:
    """A type that pydantic knows nothing of."""

    def __init__(self, amount: int) -> None:
        self.amount = amount


class Price(BaseModel):
    """Has no JSON Schema, for it holds such a type, with a validator and a serializer of its own."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    money: Annotated[
        Money,
        BeforeValidator(lambda given: given if isinstance(given, Money) else Money(given)),
        PlainSerializer(lambda money: money.amount),
    ]


without_schema = Rowlock()


@without_schema.task(name="pay")
async def pay(price: Price) -> int:
    """Pays."""
    return price.money.amount


@without_schema.task(name="plain")
async def plain(number: int) -> int:
    """Has a schema."""
    return number


@asynccontextmanager
async def _with_a_job_that_fails(_: Rowlock) -> AsyncIterator[None]:
    async def fail() -> None:
        raise DatabaseUnavailable("The other database cannot be reached.")

    async with asyncio.TaskGroup() as jobs:
        jobs.create_task(fail())
        yield


failing = Rowlock(lifespan=_with_a_job_that_fails)


@failing.task(name="noop")
async def noop() -> None:
    """Does nothing."""
