"""An attempt's span is an error exactly where the attempt has failed, and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import opentelemetry.trace
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once
from tests.worker.conftest import working

from rowlock import Cancel, Context, Fail, Retry, Rowlock, Snooze
from rowlock.telemetry import tracing
from rowlock.testing import inline

SOON = timedelta(seconds=20)
HOUR = timedelta(hours=1)
ENDS = {  # the status of the span, what it says, and the exceptions that it records
    "return": ("UNSET", None, []),
    "snooze": ("UNSET", None, []),
    "cancel": ("UNSET", None, []),
    "raise": ("ERROR", "ValueError: no luck", ["ValueError"]),
    "raise without a text": ("ERROR", "tests.worker.test_traced_attempts.Mute", []),
    "fail": ("ERROR", "hopeless", ["rowlock.domain.outcomes.Fail"]),
    "retry": ("ERROR", "busy", ["rowlock.domain.outcomes.Retry"]),
    "exit": ("ERROR", "RuntimeError: The handler raised SystemExit.", ["RuntimeError"]),
    "cancel itself": ("ERROR", "RuntimeError: The handler was cancelled from inside: ", ["RuntimeError"]),
    "object": ("ERROR", "The result holds a object, which JSON does not know", []),
    "hang": ("ERROR", "The attempt ran longer than its timeout of 0:00:00.2", []),
}


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(tracing, "_tracers", tracing._Tracers())
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opentelemetry.trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


async def end(how: str) -> object:
    match how:
        case "snooze":
            raise Snooze(HOUR)
        case "cancel":
            raise Cancel
        case "raise":
            raise ValueError("no luck")
        case "raise without a text":
            raise Mute
        case "fail":
            raise Fail("hopeless")
        case "retry":
            raise Retry("busy", after=HOUR)
        case "exit":
            raise SystemExit(3)
        case "cancel itself":
            raise asyncio.CancelledError
        case "hang":
            await asyncio.Event().wait()
    return object() if how == "object" else how


def told(span: ReadableSpan) -> tuple[str, str | None, list[Any]]:
    exceptions = [(event.attributes or {})["exception.type"] for event in span.events if event.name == "exception"]
    return span.status.status_code.name, span.status.description, exceptions


@pytest.mark.parametrize("how", ENDS)
async def test_a_span_says_how_its_attempt_ended(app: Rowlock, spans: InMemorySpanExporter, how: str) -> None:
    app.declare(end, name="end", max_attempts=1, timeout=0.2 if how == "hang" else None)
    with inline(app, raises=False):
        await app.enqueue("end", {"how": how})
    [span] = [span for span in spans.get_finished_spans() if span.name == "process end"]
    status, says, exceptions = ENDS[how]
    assert told(span) == (status, span.status.description, exceptions)
    assert (span.status.description or "").startswith(says or "")
    assert (span.status.description is None) is (says is None)


async def test_a_failure_of_a_task_that_was_cancelled_meanwhile_is_recorded(
    app: Rowlock, spans: InMemorySpanExporter
) -> None:
    @app.task(name="end")
    async def leave(ctx: Context) -> None:
        await app.cancel(ctx.task_id)
        raise ValueError("no luck")

    async with working(app):
        task = await (await leave.enqueue()).wait(SOON)
    assert task.status == "cancelled"
    [span] = [span for span in spans.get_finished_spans() if span.name == "process end"]
    assert told(span)[0::2] == ("ERROR", ["ValueError"])
