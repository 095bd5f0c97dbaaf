"""A task continues its enqueuer's trace; without a provider nothing is made and nothing is lost."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from datetime import timedelta

import opentelemetry.trace
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode, get_current_span
from opentelemetry.util._once import Once

from rowlock.domain.outcomes import Retry, Snooze
from rowlock.telemetry import tracing
from rowlock.telemetry.tracing import (
    configure_tracing,
    enqueue_span,
    inject_context,
    request_span,
    task_span,
)

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in a process where nobody has set a tracer provider."""
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(tracing, "_tracers", tracing._Tracers())
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opentelemetry.trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    return span


def test_the_task_is_a_child_of_its_enqueue(spans: InMemorySpanExporter) -> None:
    with enqueue_span("mail.send", {"rowlock.queue": "mail"}):
        metadata = {"trace": inject_context(), "mine": 1}
    assert metadata["trace"].keys() >= {"traceparent"}  # type: ignore[attr-defined]
    with request_span("unrelated", {}), task_span("mail.send", metadata, lambda: {"rowlock.attempt": 2}):
        pass
    sent, processed, unrelated = spans.get_finished_spans()
    assert (sent.name, sent.kind) == ("send mail.send", SpanKind.PRODUCER)
    assert (processed.name, processed.kind) == ("process mail.send", SpanKind.CONSUMER)
    assert processed.context.trace_id == sent.context.trace_id != unrelated.context.trace_id
    assert processed.parent is not None
    assert processed.parent.span_id == sent.context.span_id
    assert dict(processed.attributes or {}) == {
        "messaging.system": "rowlock",
        "messaging.operation.type": "process",
        "rowlock.attempt": 2,
    }


def test_a_task_without_a_context_begins_a_trace(spans: InMemorySpanExporter) -> None:
    with request_span("claim", {}), task_span("t", {}):
        assert inject_context()["traceparent"]
    process, _ = spans.get_finished_spans()
    assert process.parent is None


@pytest.mark.parametrize(
    "carried", ["text", 5, [], {"traceparent": 7}, {"traceparent": "00-bad"}, {"tracestate": "a=1"}]
)
def test_a_context_that_makes_no_sense_is_ignored(spans: InMemorySpanExporter, carried: object) -> None:
    with task_span("t", {"trace": carried}):
        pass
    assert only(spans).parent is None


def test_a_request_continues_its_callers_trace(spans: InMemorySpanExporter) -> None:
    with request_span("POST /v1/tasks", {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}):
        assert inject_context()["tracestate"] == "vendor=1"
    span = only(spans)
    assert (span.name, span.kind) == ("POST /v1/tasks", SpanKind.SERVER)
    assert f"{span.context.trace_id:032x}" == TRACE_ID


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("broken"), StatusCode.ERROR),
        (Retry("busy"), StatusCode.ERROR),
        (Snooze(timedelta(seconds=1)), StatusCode.UNSET),
    ],
)
def test_a_failure_is_the_spans_error_and_an_answer_is_not(
    spans: InMemorySpanExporter, error: Exception, status: StatusCode
) -> None:
    with pytest.raises(type(error)), task_span("t", None):
        raise error
    span = only(spans)
    assert span.status.status_code is status
    assert [event.name for event in span.events] == ["exception"] * (status is StatusCode.ERROR)


def test_without_a_provider_there_is_no_span() -> None:
    assert inject_context() == {}
    with task_span("t", {"mine": 1}) as span, enqueue_span("t") as sent:
        assert span is sent is INVALID_SPAN
        assert get_current_span() is INVALID_SPAN
        assert inject_context() == {}


def test_without_a_provider_a_context_is_passed_on() -> None:
    with task_span("t", {"trace": {"traceparent": TRACEPARENT}}), enqueue_span("child"):
        assert inject_context() == {"traceparent": TRACEPARENT}
    assert inject_context() == {}


def test_no_endpoint_no_tracing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="rowlock.tracing"):
        assert configure_tracing("rowlock-worker") is False
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is not set" in caplog.text


def test_an_endpoint_without_the_sdk_is_said_aloud(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.INFO, logger="rowlock.tracing"):
        assert configure_tracing("rowlock-worker") is False
    assert "install `rowlock[otel]`" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


def test_a_provider_of_the_application_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, spans: InMemorySpanExporter
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    provider = opentelemetry.trace.get_tracer_provider()
    assert configure_tracing("rowlock-worker") is False
    assert opentelemetry.trace.get_tracer_provider() is provider


@pytest.mark.parametrize(("environment", "service"), [({}, "rowlock-worker"), ({"OTEL_SERVICE_NAME": "mine"}, "mine")])
def test_an_endpoint_turns_tracing_on(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], service: str
) -> None:
    # Nothing is recorded here, so nothing is sent to the endpoint.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert configure_tracing("rowlock-worker") is True
    provider = opentelemetry.trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    assert provider.resource.attributes["service.name"] == service
    provider.shutdown()
