"""The batch histogram says what prometheus_client's own would say of the same values."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from rowlock.telemetry.histograms import BatchHistogram

BUCKETS = (0.01, 0.1, 1, 10)


def rendered(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


def test_it_renders_like_the_library() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    reference = Histogram("h", "Text.", ["queue"], buckets=BUCKETS, registry=theirs)
    histogram = BatchHistogram("h", "Text.", ["queue"], buckets=BUCKETS, registry=ours)
    # The bounds themselves are among the values.
    values = [random.randrange(0, 64) / 4 for _ in range(300)] + [0.01, 1, 10, 11]
    for value in values:
        reference.labels("a").observe(value)
    histogram.labels("a").observe(values[:100])
    histogram.labels("a").observe(values[100:])
    histogram.labels("a").observe([])
    theirs_text, ours_text = rendered(theirs), rendered(ours)
    assert [line for line in ours_text if "_sum" not in line] == [line for line in theirs_text if "_sum" not in line]
    assert abs(histogram.labels("a").read()[1] - sum(values)) < 1e-6


def test_a_series_exists_before_its_first_value() -> None:
    registry = CollectorRegistry()
    BatchHistogram("h", "Text.", ["queue"], buckets=BUCKETS, registry=registry).labels("a")
    assert registry.get_sample_value("h_count", {"queue": "a"}) == 0
    assert registry.get_sample_value("h_bucket", {"queue": "a", "le": "+Inf"}) == 0


def test_no_value_is_lost_between_threads() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("h", "Text.", ["queue"], buckets=BUCKETS, registry=registry)

    def record(_: int) -> None:
        for _ in range(100):
            histogram.labels("a").observe([0.5, 50.0])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(record, range(8)))
    assert registry.get_sample_value("h_count", {"queue": "a"}) == 1600
    assert registry.get_sample_value("h_bucket", {"queue": "a", "le": "1.0"}) == 800
