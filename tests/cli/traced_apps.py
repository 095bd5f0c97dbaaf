"""Applications whose traces a test looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from rowlock import Rowlock

plain = Rowlock()


@plain.task(name="root")
async def root() -> None:
    await branch.enqueue()


@plain.task(name="branch", executor="process")
def branch() -> None:
    leaf.enqueue_sync()


@plain.task(name="leaf")
async def leaf() -> None: ...


@asynccontextmanager
async def own_tracing(_: Rowlock) -> AsyncIterator[None]:
    provider = TracerProvider(resource=Resource.create({"service.name": "mine"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    yield


with_tracing_of_its_own = Rowlock(lifespan=own_tracing)


@with_tracing_of_its_own.task(name="other")
async def other() -> None: ...
