"""A histogram that takes a whole batch of observations at once.

`prometheus_client.Histogram.observe` takes two locks and walks the buckets for each value, about
1.5 µs; a worker that finishes tens of thousands of tasks a second cannot pay that twice a task.
Here a batch is sorted in C and the bounds are looked up in it, about 0.04 µs a value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class BatchSeries:
    """The buckets of one label set. A reader sees a batch wholly or not at all."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, values: Iterable[float]) -> None:
        """Add all values."""
        ordered = sorted(values)
        total = sum(ordered)
        seen = 0
        with self._lock:
            self._sum += total
            for bucket, bound in enumerate(self._bounds):
                if seen == len(ordered):
                    break
                within = bisect_right(ordered, bound, seen)
                self._counts[bucket] += within - seen
                seen = within

    def read(self) -> tuple[list[int], float]:
        """Cumulative count per bound, and the sum."""
        with self._lock:
            return list(accumulate(self._counts)), self._sum


class BatchHistogram(Collector):
    """A labelled histogram; may be used from any thread."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._bounds = (*map(float, buckets), inf)
        self._series: dict[tuple[str, ...], BatchSeries] = {}
        self._lock = Lock()
        registry.register(self)

    def labels(self, *values: str) -> BatchSeries:
        """The series of these label values, made when it does not exist; callers may keep it."""
        with self._lock:
            return self._series.setdefault(values, BatchSeries(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        with self._lock:
            series = list(self._series.items())
        for labels, one in series:
            counts, total = one.read()
            buckets = [
                ("+Inf" if bound == inf else str(bound), float(count))
                for bound, count in zip(self._bounds, counts, strict=True)
            ]
            family.add_metric(labels, buckets, total)
        yield family
