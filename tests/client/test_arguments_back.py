"""What is enqueued comes back from JSON as it was given, or is refused before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    computed_field,
    field_serializer,
)

from rowlock import Rowlock
from rowlock.domain.errors import ConfigurationError, InvalidPayload
from rowlock.testing import inline


class Animal(BaseModel):
    name: str


class Dog(Animal):
    breed: str


class Area(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int

    @computed_field
    def doubled(self) -> int:
        return 2 * self.width


class WrittenUnderAnAlias(BaseModel):
    foo: int = Field(serialization_alias="fooBar")


class ReadUnderAnAlias(BaseModel):
    foo: int = Field(validation_alias="fooBar")


class Hiding(BaseModel):
    token: str = Field(default="none", exclude=True)


@dataclass
class Kennel:
    animals: list[Animal]


class Base64(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")
    data: bytes


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    meta: dict[str, Any] = {}


class Money:
    """Has no equality but its identity."""

    def __init__(self, amount: int) -> None:
        self.amount = amount


Amount = Annotated[
    Money,
    BeforeValidator(lambda value: value if isinstance(value, Money) else Money(value)),
    PlainSerializer(lambda money: money.amount),
]


class Priced(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    price: Amount
    _memory: object = PrivateAttr(default_factory=object)


class Written(BaseModel):
    """Says itself what becomes of its secret."""

    key: SecretStr

    @field_serializer("key", when_used="json")
    def write(self, key: SecretStr) -> str:
        return key.get_secret_value()


class Holding(BaseModel):
    keys: dict[str, list[SecretStr]]
    other: Holding | None = None


class OddlyNamed(BaseModel):
    type: str
    metadata: SecretBytes


def declared(app: Rowlock, annotation: Any) -> Any:
    async def take(value: Any) -> None: ...

    take.__annotations__["value"] = annotation
    return app.task(name="take")(take)


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Area, Area(width=1), r"value\.doubled: extra inputs are not permitted\)\. Let it read"),
        (WrittenUnderAnAlias, WrittenUnderAnAlias(foo=1), r"value\.foo: field required"),
        (ReadUnderAnAlias, ReadUnderAnAlias(fooBar=1), r"value\.fooBar: field required"),
        (dict[tuple[int, int], int], {(1, 2): 3}, r"tuple"),
        (Json[list[int]], "[1]", r"JSON"),
        (Annotated[int, Field(exclude=True)], 1, r"value: field required"),
        (Animal, Dog(name="Rex", breed="pug"), r"of type Dog and would come back as Animal\. Annotate"),
        (Kennel, Kennel([Dog(name="Rex", breed="pug")]), r"value\.animals\.0 is of type Dog"),
        (list[Animal], [Animal(name="Tom"), Dog(name="Rex", breed="pug")], r"value\.1 is of type Dog"),
        (Hiding, Hiding(token="x"), r"value\.token would come back as another value"),
        (dict[str, Hiding], {"a": Hiding(token="x")}, r"value\.a\.token would come back"),
        (date | str, date(2026, 1, 2), r"of type date and would come back as str"),
        (Base64, Base64(data=b"abc"), r"value\.data would come back as another value"),
        (Annotated[int, AfterValidator(lambda number: number + 1)], 1, r"value would come back as another value"),
        (Open, Open(meta={"key": SecretStr("x")}), r"value\.meta\.key is of type SecretStr"),
    ],
)
async def test_what_would_not_come_back_is_refused(bare_app: Rowlock, annotation: Any, value: Any, reason: str) -> None:
    take = declared(bare_app, annotation)
    with inline(bare_app) as tasks:
        for attempt in (take.enqueue(value), bare_app.enqueue("take", {"value": value})):
            with pytest.raises(InvalidPayload, match=rf"Argument 'value' of handler 'take' cannot be stored.*{reason}"):
                await attempt
    assert tasks.tasks == []


ID = uuid4()


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Animal, Animal(name="Tom")),
        (Area | None, None),
        (Hiding, Hiding()),
        (Dog | Animal, Dog(name="Rex", breed="pug")),
        (Priced, Priced(price=3)),
        (dict[UUID, Priced], {ID: Priced(price=3)}),
        (Written, Written(key="hunter2")),
        (Sequence[date], (date(2026, 1, 2),)),
        (Mapping[str, list[Path]], {"a": [Path("/x")]}),
        # The hour is there twice: no time of another zone equals it.
        (datetime, datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))),
        (Open, Open(meta={"at": datetime(2026, 1, 2, tzinfo=UTC), "pair": (1, 2)}, more=Animal(name="Tom"))),
        (tuple[Any, date], (ID, date(2026, 1, 2))),
    ],
)
async def test_what_comes_back_is_stored(bare_app: Rowlock, annotation: Any, value: Any) -> None:
    take = declared(bare_app, annotation)
    with inline(bare_app) as tasks:
        await take.enqueue(value)
    assert len(tasks.tasks) == 1


@pytest.mark.parametrize(
    "annotation",
    [SecretStr, SecretBytes | None, list[SecretStr], Holding, OddlyNamed, Annotated[SecretStr, Field(min_length=1)]],
)
def test_secrets_are_refused_at_declaration(bare_app: Rowlock, annotation: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'value' of handler 'take' holds a secret.*Take a reference"):
        declared(bare_app, annotation)


@pytest.mark.parametrize(
    "annotation",
    [
        str,
        Any,
        int | None,
        list[dict[str, float | bool]],
        dict,
        Literal["a", 1],
        Annotated[str, Field(max_length=3)],
    ],
)
def test_what_always_comes_back_costs_no_second_look(bare_app: Rowlock, annotation: Any) -> None:
    assert declared(bare_app, annotation).handler.arguments._doubtful == ()
