"""`@app.task` and its four ways to enqueue, with defaults and options."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock import Priority, RetryPolicy, Rowlock, Task, TaskNotSucceeded
from rowlock.config import load_settings
from rowlock.domain.errors import (
    AlreadyExists,
    ConfigurationError,
    DuplicateTask,
    IdempotencyKeyReused,
    InvalidArgument,
    InvalidPayload,
    NotFound,
)
from rowlock.telemetry.metrics import process_metrics
from rowlock.testing import drain, enqueued


@pytest.fixture
def send(app: Rowlock) -> Task[..., Any]:
    @app.task(
        name="mail.send",
        queue="mail",
        priority="low",
        max_attempts=9,
        timeout=timedelta(minutes=2),
        tags=["outgoing"],
        payload_version=2,
    )
    async def send(to: str, copies: int = 1) -> None: ...

    return send


async def test_a_task_takes_its_handlers_defaults(app: Rowlock, send: Task[..., Any]) -> None:
    handle = await send.enqueue("ada", copies=2)
    task = await handle.get()
    assert (task.id, task.name, task.payload) == (handle.id, "mail.send", {"to": "ada", "copies": 2})
    assert (task.queue, task.priority, task.max_attempts, task.timeout_seconds) == ("mail", 3, 9, 120)
    assert (task.tags, task.payload_version, task.status) == (["outgoing"], 2, "ready")
    assert (handle.created, handle.tenant_id) == (True, "default")


async def test_arguments_left_to_the_handler_are_not_stored(send: Task[..., Any]) -> None:
    assert (await (await send.enqueue("ada")).get()).payload == {"to": "ada"}


async def test_options_beat_defaults(app: Rowlock, send: Task[..., Any]) -> None:
    given = uuid4()
    chosen = send.options(
        queue="urgent",
        priority=Priority.CRITICAL,
        delay=90,
        max_attempts=1,
        timeout=0.5,
        tags=(),
        flow_key="eu",
        metadata={"by": "ada"},
        id=given,
        tenant_id="acme",
    )
    handle = await chosen.enqueue("ada")
    task = await handle.get()
    assert (task.id, task.queue, task.priority, task.max_attempts) == (given, "urgent", 0, 1)
    assert (task.timeout_seconds, task.tags, task.lane, task.metadata) == (0.5, None, "acme/eu", {"by": "ada"})
    assert (task.status, task.tenant_id) == ("scheduled", "acme")
    assert task.visible_at - task.created_at == timedelta(seconds=90)
    with pytest.raises(NotFound):
        await app.get(given)


async def test_an_instant_instead_of_a_delay(send: Task[..., Any]) -> None:
    instant = datetime(2126, 2, 3, tzinfo=UTC)
    assert (await (await send.options(run_at=instant).enqueue("ada")).get()).visible_at == instant


async def test_options_are_for_what_is_enqueued_through_them_alone(send: Task[..., Any]) -> None:
    send.options(queue="other")
    assert (await (await send.enqueue("ada")).get()).queue == "mail"


async def test_many(app: Rowlock, send: Task[..., Any]) -> None:
    handles = await send.options(queue="bulk").enqueue_many({"to": f"user-{n}"} for n in range(50))
    assert [task.id for task in await enqueued(app, send)] == [handle.id for handle in handles]
    assert {task.queue for task in await enqueued(app, send)} == {"bulk"}
    assert await send.enqueue_many([]) == []


async def test_many_are_stored_all_or_none(app: Rowlock, send: Task[..., Any]) -> None:
    with pytest.raises(InvalidPayload, match="copies"):
        await send.enqueue_many([{"to": "ada"}, {"to": "bob", "copies": "two"}])
    taken = (await send.enqueue("eve")).id
    with pytest.raises(InvalidArgument, match="same id"):
        await send.options(id=uuid4()).enqueue_many([{"to": "ada"}, {"to": "bob"}])
    with pytest.raises(AlreadyExists):
        await send.options(id=taken).enqueue("bob")
    assert len(await enqueued(app)) == 1


def test_the_synchronous_twins(database_url: str) -> None:
    app = Rowlock(settings=settings_for(database_url))

    @app.task(queue="mail")
    def send(to: str) -> None: ...

    one = send.enqueue_sync("ada")
    many = send.options(unique_key=lambda arguments: arguments["to"]).enqueue_many_sync([{"to": "bob"}, {"to": "bob"}])
    assert [handle.created for handle in many] == [True, False]
    by_name = app.enqueue_sync(send.name, {"to": "eve"}, delay=60)
    assert send.enqueue_many_sync([]) == []
    with pytest.raises(AlreadyExists):
        send.options(id=one.id).enqueue_sync("ada")

    async def look() -> list[str]:
        async with app:
            return [(await handle.get()).status for handle in (one, many[0], by_name)]

    assert asyncio.run(look()) == ["ready", "ready", "scheduled"]


async def test_by_name_with_the_handlers_defaults_where_it_is_declared(app: Rowlock, send: Task[..., Any]) -> None:
    known = await (await app.enqueue("mail.send", {"to": "ada"}, priority="high")).get()
    assert (known.queue, known.priority, known.max_attempts) == ("mail", 1, 9)
    with pytest.raises(InvalidPayload, match="to"):
        await app.enqueue("mail.send", {"too": "ada"})
    elsewhere = await (await app.enqueue("billing.invoice", {"customer": 7}, queue="billing")).get()
    assert (elsewhere.name, elsewhere.queue, elsewhere.payload) == ("billing.invoice", "billing", {"customer": 7})
    with pytest.raises(InvalidArgument, match="JSON object"):
        await app.enqueue("billing.invoice", [7])  # type: ignore[arg-type]


async def test_keys_may_be_functions_of_all_arguments(send: Task[..., Any]) -> None:
    keyed = send.options(idempotency_key=lambda a: f"{a['to']}-{a['copies']}", unique_key=lambda a: a["to"])
    first = await keyed.enqueue("ada")
    task = await first.get()
    assert (task.idempotency_key, task.unique_key) == ("ada-1", "ada")
    assert not (await keyed.enqueue(to="ada")).created
    many = await keyed.enqueue_many([{"to": "bob"}, {"to": "bob", "copies": 2}])
    assert many[0].id == many[1].id
    with pytest.raises(InvalidArgument, match="unique_key"):
        await send.options(unique_key=lambda a: a["copies"]).enqueue("eve")


async def test_keys_refuse_as_they_are_asked_to(send: Task[..., Any]) -> None:
    await send.options(idempotency_key="k", unique_key="u").enqueue("ada")
    with pytest.raises(IdempotencyKeyReused):
        await send.options(idempotency_key="k").enqueue("bob")
    with pytest.raises(DuplicateTask):
        await send.options(unique_key="u", on_duplicate="refuse").enqueue("bob")


async def test_tasks_that_were_not_made_are_not_counted(send: Task[..., Any]) -> None:
    def counted() -> float:
        labels = {"queue": "mail", "name": "mail.send", "source": "python"}
        return process_metrics().registry.get_sample_value("rowlock_tasks_submitted_total", labels) or 0

    before = counted()
    by_name = send.options(unique_key=lambda arguments: arguments["to"])
    assert [(await send.options(idempotency_key="k").enqueue("ada")).created for _ in range(3)] == [True, False, False]
    made = await by_name.enqueue_many([{"to": to} for to in ("bob", "eve", "bob")])
    assert [one.created for one in made] == [True, True, False]
    await by_name.enqueue_many([{"to": "bob"}, {"to": "eve"}])
    assert counted() - before == 3
    await send.enqueue_many([{"to": "bob"}] * 5)
    assert counted() - before == 8


async def test_a_keys_life_is_a_setting_or_an_option(database_url: str, here: Installation) -> None:
    async with Rowlock(settings=settings_for(database_url, idempotency_hours=2)) as app:
        for key, ttl in (("by-setting", None), ("by-option", timedelta(hours=5))):
            await app.enqueue("noop", idempotency_key=key, idempotency_ttl=ttl)
    rows = await here.query("SELECT key, expires_at - created_at FROM rowlock.idempotency_keys ORDER BY key")
    assert [tuple(row) for row in rows] == [("by-option", timedelta(hours=5)), ("by-setting", timedelta(hours=2))]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"queue": "no spaces"}, "queue"),
        ({"queue": "-first"}, "queue"),
        ({"priority": "urgent"}, "priority"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": float("inf")}, "delay"),
        ({"delay": timedelta(days=3_661)}, "delay"),
        ({"run_at": datetime(2026, 2, 3)}, "run_at"),  # noqa: DTZ001 - the point of the case
        ({"run_at": datetime(9999, 1, 1, tzinfo=UTC)}, "run_at"),
        ({"delay": 1, "run_at": datetime(2126, 2, 3, tzinfo=UTC)}, "delay"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"timeout": 0}, "timeout"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": timedelta(days=3_661)}, "expires_in"),
        ({"expires_in": 5, "delay": 5}, "expires_in"),
        ({"timeout": timedelta(days=31)}, "timeout"),
        ({"tags": "one"}, "tags"),
        ({"tags": ["x"] * 20 + ["y" * 101]}, "tags"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k\0"}, "idempotency_key"),
        ({"unique_key": "k" * 256}, "unique_key"),
        ({"on_duplicate": "ignore", "unique_key": "u"}, "on_duplicate"),
        ({"flow_key": ""}, "flow_key"),
        ({"metadata": {"x": float("nan")}}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"tenant_id": "Not/Good"}, "tenant_id"),
        ({"tenant_id": ""}, "tenant_id"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
async def test_what_cannot_be_is_refused_before_the_database(bare_app: Rowlock, options: Any, field: str) -> None:
    @bare_app.task
    async def noop() -> None: ...

    with pytest.raises(InvalidArgument) as refused:
        await noop.options(**options).enqueue()
    assert refused.value.detail.get("field") == field


async def test_a_handle_waits_for_the_end(app: Rowlock) -> None:
    @app.task
    async def double(number: int) -> int:
        if number < 0:
            raise ValueError("negative")
        return 2 * number

    good = await double.enqueue(2)
    bad = await double.options(max_attempts=1).enqueue(-2)
    with pytest.raises(TimeoutError):
        await good.wait(timedelta(milliseconds=50))
    waiting = asyncio.create_task(good.result(timedelta(seconds=20)))
    await drain(app)
    assert await waiting == 4
    assert (await bad.wait()).status == "dead"
    with pytest.raises(TaskNotSucceeded, match=rf"{bad.id} ended as dead: ValueError: negative"):
        await bad.result()


async def test_the_function_itself_stays_callable(app: Rowlock) -> None:
    @app.task
    async def double(number: int) -> int:
        """Doubles a number."""
        return 2 * number

    assert await double(4) == 8
    assert (double.__name__, double.__doc__) == ("double", "Doubles a number.")
    assert app.handlers[double.name].description == "Doubles a number."
    assert double.name == f"{__name__}.test_the_function_itself_stays_callable.double"


def test_attributes_of_a_function_do_not_become_its_tasks(bare_app: Rowlock) -> None:
    def double(number: int) -> int:
        """Twice."""
        return 2 * number

    vars(double).update(handler="its own", _options={"queue": "its own"}, _app=None)
    task = bare_app.task(double)
    assert task.handler is bare_app.handlers[task.name]
    assert task._request((), {"number": 1}).queue == "default"
    assert (task.__doc__, task.__wrapped__) == ("Twice.", double)  # type: ignore[attr-defined]


def test_a_handler_that_cannot_be_is_refused_when_it_is_declared(bare_app: Rowlock) -> None:
    def positional(number: int, /) -> None: ...

    def star(*numbers: int) -> None: ...

    async def coroutine() -> None: ...

    def plain() -> None: ...

    for function, options, reason in (
        (positional, {}, "positional-only"),
        (star, {}, r"\*args"),
        (coroutine, {"executor": "thread"}, "async function"),
        (plain, {"executor": "async"}, "plain function"),
        (plain, {"queu": "x"}, "does not know queu"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            bare_app.task(**options)(function)  # type: ignore[call-overload]
    for field, value in (("name", "no spaces"), ("max_attempts", 0), ("timeout", -1), ("priority", 9), ("queue", "")):
        with pytest.raises(InvalidArgument, match=field):
            bare_app.task(**{field: value})(plain)  # type: ignore[call-overload]
    bare_app.task(name="plain")(plain)
    with pytest.raises(ConfigurationError, match="declared already"):
        bare_app.task(name="plain")(plain)
    assert list(bare_app.handlers) == ["plain"]


async def test_retry_policies_bring_their_number_of_attempts(app: Rowlock) -> None:
    @app.task(retry=RetryPolicy(max_attempts=7))
    async def patient() -> None: ...

    @app.task(retry=RetryPolicy(max_attempts=7), max_attempts=2)
    async def impatient() -> None: ...

    assert (await (await patient.enqueue()).get()).max_attempts == 7
    assert (await (await impatient.enqueue()).get()).max_attempts == 2


async def test_the_tenant_is_a_setting(database_url: str) -> None:
    async with Rowlock(settings=settings_for(database_url, tenant="acme")) as app:
        handle = await app.enqueue("noop")
        assert (await handle.get()).tenant_id == "acme"
        with pytest.raises(NotFound):
            await app.get(handle.id, tenant_id="default")


async def test_without_a_database_the_sentence_says_what_to_do(tmp_path: Any) -> None:
    app = Rowlock(settings=load_settings(data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match="rowlock up"):
        await app.enqueue("noop")
    with pytest.raises(ConfigurationError, match="ROWLOCK_DATABASE_URL"):
        app.enqueue_sync("noop")
    with pytest.raises(ConfigurationError, match="rowlock up"):
        _ = app.database_url
