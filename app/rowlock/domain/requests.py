"""What a caller asks for when it enqueues: one validated, frozen value for every entrance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, overload
from uuid import UUID

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.ids import Ids, new_id, new_ids
from rowlock.domain.payloads import encode_json
from rowlock.domain.priorities import Priority, parse_priority

OnDuplicate = Literal["skip", "replace", "refuse"]
ZERO = timedelta(0)
SOON = timedelta(seconds=1)  # statements and functions that store tasks have it too


class TaskRequest(NamedTuple):
    """A task to be stored. `payload` and `metadata` are JSON text, already checked.

    First what is a task's own, then what many share.
    """

    id: UUID
    payload: str
    chosen_id: bool  # by whoever asks: another task may have it
    idempotency_key: str | None
    idempotency_ttl: timedelta | None
    unique_key: str | None
    on_duplicate: OnDuplicate
    filled_in: frozenset[str]  # by defaults: options that are no part of what an idempotency key names
    name: str
    queue: str
    priority: Priority
    delay: timedelta
    run_at: datetime | None
    max_attempts: int
    timeout: timedelta | None
    expires_in: timedelta | None
    tags: tuple[str, ...]
    flow_key: str | None
    metadata: str | None
    payload_version: int
    parent_id: UUID | None
    workflow_id: UUID | None

    def like(self, payload: str) -> TaskRequest:
        """The same with an id of its own, and a payload that is JSON text, already checked."""
        return TaskRequest(new_id(), payload, False, *self[3:])

    @property
    def options(self) -> tuple[object, ...]:
        """All that tasks may share."""
        return self[_FIRST_SHARED:]

    @property
    def keyed(self) -> bool:
        """Whether an earlier task may answer this request."""
        return self.idempotency_key is not None or self.unique_key is not None

    @property
    def due_soon(self) -> bool:
        """Whether workers are to be woken. What falls due within a second they may not look for again in time."""
        return self.run_at is None and self.delay <= SOON


_FIRST_SHARED = TaskRequest._fields.index("name")
_HAVE_DEFAULTS = frozenset(("queue", "priority", "max_attempts", "timeout", "expires_in", "tags", "payload_version"))


def with_defaults(defaults: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `task_request`: what the caller says, and where it is silent what the handler has, if one is known.

    A deploy may change what fills in; what is said stays the same however often it is sent.
    """
    return {**defaults, **said, "filled_in": _HAVE_DEFAULTS.difference(said)}


class RequestSeries(Sequence[TaskRequest]):
    """Requests that differ in nothing but their ids and payloads (JSON text, checked). Never empty.

    What bulk enqueues are made of, at a hundred thousand tasks a second: an object for each would cost more than all
    the rest of it.
    """

    __slots__ = ("first", "ids", "payloads")

    def __init__(self, first: TaskRequest, ids: Ids, payloads: Sequence[str]) -> None:
        self.first = first
        self.ids = ids
        self.payloads = payloads

    @classmethod
    def like(cls, first: TaskRequest, payloads: Sequence[str]) -> RequestSeries:
        """The first request, and one like it with an id of its own for each further payload."""
        return cls(first, Ids([first.id.bytes, *new_ids(len(payloads)).as_bytes]), [first.payload, *payloads])

    def replace(self, **changes: Any) -> RequestSeries:
        """The same with other options for all of them."""
        return RequestSeries(self.first._replace(**changes), self.ids, self.payloads)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> TaskRequest: ...

    @overload
    def __getitem__(self, at: slice) -> RequestSeries: ...

    def __getitem__(self, at: int | slice) -> TaskRequest | RequestSeries:
        if isinstance(at, slice):
            return RequestSeries(self.first, Ids(self.ids.as_bytes[at]), self.payloads[at])
        return self.first._replace(id=self.ids[at], payload=self.payloads[at])


def ids_of(requests: Sequence[TaskRequest]) -> Sequence[UUID]:
    """The ids, in order."""
    return requests.ids if isinstance(requests, RequestSeries) else [request.id for request in requests]


def chosen_ids(requests: Sequence[TaskRequest]) -> dict[UUID, str | None]:
    """Ids that whoever asks has chosen, with the idempotency keys beside them. Those of a series never are."""
    if isinstance(requests, RequestSeries):
        return {}
    return {request.id: request.idempotency_key for request in requests if request.chosen_id}


def any_keyed(requests: Sequence[TaskRequest]) -> bool:
    """Whether an earlier task may answer one of them."""
    return requests.first.keyed if isinstance(requests, RequestSeries) else any(each.keyed for each in requests)


def task_request(
    name: str,
    payload: Mapping[str, Any] | str | None = None,
    *,
    queue: str = "default",
    priority: Priority | str | int = Priority.NORMAL,
    delay: timedelta | float | None = None,
    run_at: datetime | None = None,
    max_attempts: int = 4,
    timeout: timedelta | float | None = None,
    expires_in: timedelta | float | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
    idempotency_ttl: timedelta | None = None,
    unique_key: str | None = None,
    on_duplicate: OnDuplicate = "skip",
    flow_key: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    payload_version: int = 1,
    parent_id: UUID | None = None,
    workflow_id: UUID | None = None,
    id: UUID | None = None,  # noqa: A002 - the field's name everywhere
    filled_in: frozenset[str] = frozenset(),
    max_payload_bytes: int = 1_048_576,
) -> TaskRequest:
    """Checks every part and names the field that is wrong (`InvalidArgument`, `InvalidPayload`, `PayloadTooLarge`).

    A payload given as `str` is JSON text that the caller has encoded and checked already.
    """
    if delay is not None and run_at is not None:
        raise InvalidArgument("Give either delay or run_at, not both.", field="delay")
    if on_duplicate not in ("skip", "replace", "refuse"):
        raise InvalidArgument(
            f"on_duplicate must be skip, replace or refuse, not {on_duplicate!r}.", field="on_duplicate"
        )
    if not 1 <= payload_version <= bounds.MAX_VERSION:
        raise InvalidArgument(
            f"payload_version must be 1 to {bounds.MAX_VERSION}, not {payload_version}.", field="payload_version"
        )
    lifetime = None if expires_in is None else bounds.check_expires_in(_duration(expires_in, "expires_in"))
    wait = ZERO if delay is None else bounds.check_delay(_duration(delay, "delay"))
    if lifetime is not None and wait >= lifetime:
        raise InvalidArgument(
            f"The delay of {wait} lasts until the task has expired, after {lifetime}: give a longer expires_in.",
            field="expires_in",
        )
    return TaskRequest(
        name=bounds.check_name(name),
        payload=payload
        if isinstance(payload, str)
        else _json_object({} if payload is None else payload, "payload", max_payload_bytes),
        queue=bounds.check_queue(queue),
        priority=parse_priority(priority),
        delay=wait,
        run_at=None if run_at is None else bounds.check_run_at(run_at),
        max_attempts=bounds.check_max_attempts(max_attempts),
        timeout=None if timeout is None else bounds.check_timeout(_duration(timeout, "timeout")),
        expires_in=lifetime,
        tags=() if tags == () else tuple(bounds.check_tags(tags)),
        idempotency_key=None if idempotency_key is None else bounds.check_key("idempotency_key", idempotency_key),
        idempotency_ttl=None if idempotency_ttl is None else _check_ttl(idempotency_ttl),
        unique_key=None if unique_key is None else bounds.check_key("unique_key", unique_key),
        on_duplicate=on_duplicate,
        filled_in=filled_in,
        flow_key=None if flow_key is None else bounds.check_flow_key(flow_key),
        metadata=None if not metadata else _json_object(metadata, "metadata", bounds.MAX_METADATA_BYTES),
        payload_version=payload_version,
        parent_id=parent_id,
        workflow_id=workflow_id,
        id=id or new_id(),
        chosen_id=id is not None,
    )


def lane_of(tenant_id: str, flow_key: str | None) -> str:
    """The lane of a tenant's tasks, or of one flow of them."""
    return tenant_id if flow_key is None else f"{tenant_id}/{flow_key}"


def _check_ttl(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= timedelta(days=366):
        raise InvalidArgument(
            f"idempotency_ttl must be between 1 second and 366 days, not {value}.", field="idempotency_ttl"
        )
    return value


def _duration(value: timedelta | float, name: str) -> timedelta:
    return value if isinstance(value, timedelta) else bounds.duration(value, field=name)


def _json_object(value: Mapping[str, Any], what: str, max_bytes: int) -> str:
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"The {what} must be a JSON object, not {type(value).__name__}.", field=what)
    return encode_json(dict(value), what=what, max_bytes=max_bytes).decode()
