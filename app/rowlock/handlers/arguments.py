"""A handler's arguments: checked by its own annotations when a task is enqueued, and again when it runs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.errors import PydanticUserError

from rowlock.domain.errors import ConfigurationError, InvalidPayload
from rowlock.domain.payloads import encode_json
from rowlock.handlers.argument_types import parameter_types
from rowlock.handlers.round_trips import difference

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Arguments:
    """How the arguments of one handler become a payload and a payload becomes arguments.

    Raises `ConfigurationError` for a signature that a JSON object cannot spell: `*args` or positional-only parameters.
    """

    def __init__(self, name: str, function: Callable[..., Any], *, skip_first: bool, max_bytes: int) -> None:
        self.name = name
        self.max_bytes = max_bytes
        parameters = list(inspect.signature(function).parameters.values())[1 if skip_first else 0 :]
        self.signature = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])
        self._extra = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
        named = [p for p in parameters if p.kind in _NAMED]
        if len(named) + self._extra < len(parameters):
            raise ConfigurationError(
                f"Handler {name!r} takes *args or positional-only parameters, and a payload is a JSON object: "
                "give every parameter a name."
            )
        names = tuple(p.name for p in named)
        self._model = self._build_model(function, named)
        self._fields = tuple(zip(names, self._model.model_fields, strict=True))
        # What `model_validate` and `model_dump` call: those spend as much again on options that are never given.
        self._validate = self._model.__pydantic_validator__.validate_python
        self._dump = self._model.__pydantic_serializer__.to_python
        types = parameter_types(self._model)
        self._refuse_secrets([p for p, its_type in zip(names, types, strict=True) if its_type.secret])
        # Parameters whose values may not come back as they went.
        self._doubtful = tuple((*f, t.open) for f, t in zip(self._fields, types, strict=True) if not t.plain)
        self._trivial = not named and not self._extra
        self._positional = tuple(p.name for p in named if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._required = frozenset(p.name for p in named if p.default is inspect.Parameter.empty)
        self._known = frozenset(names)

    def _build_model(self, function: Callable[..., Any], named: list[inspect.Parameter]) -> type[BaseModel]:
        try:
            hints = typing.get_type_hints(function, include_extras=True)
            fields: dict[str, Any] = {
                f"field_{index}": (
                    hints.get(p.name, Any),
                    _field(p),
                )
                for index, p in enumerate(named)
            }
            return create_model(
                self.name.replace(".", "_"),
                # NaN and infinities are to be refused, not to become null.
                __config__=ConfigDict(extra="allow" if self._extra else "forbid", ser_json_inf_nan="constants"),
                **fields,
            )
        except (NameError, TypeError, ValueError, AttributeError, PydanticUserError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise ConfigurationError(f"The annotations of handler {self.name!r} cannot be used: {reason}.") from error

    def _refuse_secrets(self, names: list[str]) -> None:
        if names:
            raise ConfigurationError(
                f"Parameter {names[0]!r} of handler {self.name!r} holds a secret, which pydantic would store as "
                "asterisks. Take a reference instead, such as the secret's name in your vault; or take `str`, and pass "
                "the secret's value, for all to read who may read tasks."
            )

    def payload(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """JSON text of the arguments. Raises `InvalidPayload` naming the argument that is wrong, or that the run would
        refuse, or get as another."""
        if self._trivial and not args and not kwargs:
            return "{}"
        model = self._validated(self.named(args, kwargs))
        try:
            # Defaults of the handler are left to the run; those inside a value are the value, and stay as they are.
            dumped = self._dump(model, mode="json", by_alias=True, include=model.model_fields_set)
        except (ValueError, TypeError) as error:
            raise InvalidPayload(
                f"The arguments of handler {self.name!r} cannot be written as JSON: {error}."
            ) from error
        text = encode_json(dumped, what="payload", max_bytes=self.max_bytes)
        if self._doubtful:
            self._check_that_it_comes_back(model, text)
        return text.decode()

    def _check_that_it_comes_back(self, given: BaseModel, text: bytes) -> None:
        try:
            back: BaseModel = self._validate(orjson.loads(text))
        except ValidationError as error:
            place, reason = _first_of(error)
            raise self._not_storable(
                place,
                f"its type does not read the JSON that it writes ({place}: {reason}). Let it read all that it writes: "
                "look at aliases, at computed fields where `extra` is forbidden, and at keys that are not text.",
            ) from error
        for name, field, open_type in self._doubtful:
            if field in given.model_fields_set:
                found = difference(getattr(given, field), getattr(back, field), name, open_type=open_type)
                if found:
                    raise self._not_storable(
                        name,
                        f"{found}. Annotate the parameter with the very type of what is passed, and let that leave "
                        "nothing out.",
                    )

    def _not_storable(self, place: str, reason: str) -> InvalidPayload:
        argument = place.partition(".")[0]
        return InvalidPayload(
            f"Argument {argument!r} of handler {self.name!r} cannot be stored: {reason}", field=f"payload.{place}"
        )

    def named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, defaults: bool = False) -> dict[str, Any]:
        """The arguments of a call by name. Raises `InvalidPayload` for a call that does not fit."""
        if not defaults and self._fits(args, kwargs):
            return {**dict(zip(self._positional, args, strict=False)), **kwargs}
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidPayload(f"The arguments do not fit handler {self.name!r}: {error}.") from error
        if defaults:
            bound.apply_defaults()
        given = dict(bound.arguments)
        for p in self.signature.parameters.values():
            if p.kind is inspect.Parameter.VAR_KEYWORD:
                given.update(given.pop(p.name, {}))
        return given

    def _fits(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether a call is plainly right; where it is not, `inspect` says what is wrong with it, and takes 10 µs."""
        if len(args) > len(self._positional):
            return False
        given = {*self._positional[: len(args)], *kwargs}
        return len(given) == len(args) + len(kwargs) and self._required <= given <= self._known

    def keywords(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The handler's keyword arguments. Raises `InvalidPayload` for a payload that its types refuse."""
        if self._trivial and not payload:
            return {}
        model = self._validated(payload)
        values = {name: getattr(model, field) for name, field in self._fields}
        return {**values, **(model.model_extra or {})}

    def schema(self) -> str | None:
        """JSON Schema of the payload, as JSON text; None where a type has none, such as one with its own validator."""
        try:
            return orjson.dumps(self._model.model_json_schema(by_alias=True, mode="validation")).decode()
        except (PydanticUserError, TypeError, ValueError):  # the latter two from what a type says of itself
            return None

    def _validated(self, payload: Mapping[str, Any]) -> BaseModel:
        try:
            model: BaseModel = self._validate(dict(payload))
        except ValidationError as error:
            place, reason = _first_of(error)
            raise InvalidPayload(
                f"The payload does not fit handler {self.name!r}: {place}: {reason}.",
                field=f"payload.{place}",
            ) from error
        return model


def _first_of(error: ValidationError) -> tuple[str, str]:
    """Place and reason of the first thing that does not fit."""
    first = error.errors(include_url=False)[0]
    return ".".join(str(part) for part in first["loc"]) or "payload", first["msg"][:1].lower() + first["msg"][1:]


def _field(parameter: inspect.Parameter) -> Any:  # Any: pydantic's FieldInfo passes as any default
    from pydantic import Field

    default = ... if parameter.default is inspect.Parameter.empty else parameter.default
    return Field(default, alias=parameter.name)
