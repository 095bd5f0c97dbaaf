"""Traces: a task continues the trace of whoever enqueued it, by the W3C context in its metadata.

Only OpenTelemetry's API is needed. Where nobody set a tracer provider and nobody sent a context,
each function returns after a check that costs well under a microsecond. With a context but without
a provider the context is passed on, so a trace survives a process that records nothing itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from rowlock.domain.error_text import error_text
from rowlock.domain.outcomes import Fail, Outcome, Retry
from rowlock.telemetry.logs import get_logger

METADATA_KEY = "trace"
"""Key of a task's metadata under which its trace context lies."""

Attributes = Mapping[str, AttributeValue]


def inject_context() -> dict[str, str]:
    """`traceparent` and `tracestate` of the current span, for a task's metadata; else empty."""
    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        _propagator.inject(carrier)
    return carrier


@contextmanager
def injected(carrier: Mapping[str, str]) -> Iterator[None]:
    """Inside it, the span is current whose `inject_context()` this is, in another process perhaps."""
    token = attach(_propagator.extract(carrier))
    try:
        yield
    finally:
        detach(token)


def enqueue_span(name: str, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
    """The span of enqueueing tasks called `name`; ask for `inject_context()` inside it."""
    tracer = _tracers.current()
    if tracer is None:
        return _NO_SPAN
    attributes = {**_SEND, **(attributes or {})}
    return _span(tracer, f"send {name}", SpanKind.PRODUCER, None, attributes)


def task_span(
    name: str, metadata: Mapping[str, object] | None, attributes: Callable[[], Attributes] = dict
) -> AbstractContextManager[Span]:
    """The span of one attempt of a task called `name`, a child of the span that enqueued the task.

    An exception that leaves it is recorded as the span's error, unless it is a snooze or a cancel,
    which are answers. `attributes` is asked where there is a span.
    """
    carrier = metadata.get(METADATA_KEY) if metadata else None
    return _continued(f"process {name}", SpanKind.CONSUMER, carrier, _PROCESS, attributes)


def fail_span(span: Span, says: str, error: BaseException | None = None) -> None:
    """Makes the span an error, by what was raised if anything was."""
    if error is not None:
        with suppress(Exception):  # its own: it may have no text
            span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, says))


def request_span(
    name: str, headers: Mapping[str, str], attributes: Attributes | None = None
) -> AbstractContextManager[Span]:
    """The span of one HTTP request, a child of the caller's span where the headers carry one."""
    carrier = headers if "traceparent" in headers else None
    return _continued(name, SpanKind.SERVER, carrier, {}, lambda: attributes or {})


def configure_tracing(service: str) -> bool:
    """Send spans to the OTLP endpoint that the environment names; says in the log what it did.

    Does nothing where no endpoint is named, the SDK is not installed (`pip install rowlock[otel]`),
    or the application has set a tracer provider. Other `OTEL_…` variables mean what the SDK says.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        _log.debug("Tracing is off: OTEL_EXPORTER_OTLP_ENDPOINT is not set.")
        return False
    if _tracers.current() is not None:
        _log.info("Tracing is left as it is: a tracer provider has been set already.")
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        _log.warning(
            "Tracing is off although an OTLP endpoint is set: install `rowlock[otel]`.",
            missing=error.name,
        )
        return False
    named = os.environ.get("OTEL_SERVICE_NAME")
    resource = Resource.create({} if named else {SERVICE_NAME: service})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _tracers.look_now()
    _log.info("Tracing is on: spans go to the OTLP endpoint.", service=named or service)
    return True


class _Tracers:
    """Finds the tracer of the provider that somebody sets, perhaps later.

    While there is none it looks again once a second only: the look reads the environment, 1 µs.
    """

    def __init__(self) -> None:
        self._tracer: Tracer | None = None
        self._look_again_at = 0.0

    def current(self) -> Tracer | None:
        if self._tracer is None and time.monotonic() >= self._look_again_at:
            self.look_now()
        return self._tracer

    def look_now(self) -> None:
        self._look_again_at = time.monotonic() + 1
        provider = trace.get_tracer_provider()
        if not isinstance(provider, trace.ProxyTracerProvider):
            self._tracer = provider.get_tracer("rowlock", version("rowlock"))


def _continued(
    name: str, kind: SpanKind, carrier: object, own: Attributes, more: Callable[[], Attributes]
) -> AbstractContextManager[Span]:
    tracer = _tracers.current()
    if tracer is None and carrier is None:
        return _NO_SPAN
    parent = Context()
    if isinstance(carrier, Mapping):
        known = {k: carrier[k] for k in ("traceparent", "tracestate") if k in carrier}
        texts = {key: value for key, value in known.items() if isinstance(value, str)}
        parent = _propagator.extract(texts, context=parent)
    return _span(tracer or NoOpTracer(), name, kind, parent, {**own, **more()})


@contextmanager
def _span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    parent: Context | None,
    attributes: Attributes,
) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            if not isinstance(error, Outcome) or isinstance(error, Fail | Retry):
                fail_span(span, error_text(error), error)
            raise


_SEND = {"messaging.system": "rowlock", "messaging.operation.type": "send"}
_PROCESS = {"messaging.system": "rowlock", "messaging.operation.type": "process"}
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NO_SPAN = nullcontext(trace.INVALID_SPAN)

_log = get_logger("rowlock.tracing")
_propagator = TraceContextTextMapPropagator()
_tracers = _Tracers()
