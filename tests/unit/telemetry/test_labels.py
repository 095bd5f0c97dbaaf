"""Label values are bounded, and what is known keeps its own series."""

from __future__ import annotations

from itertools import product

from rowlock.telemetry.labels import OTHER, BoundedLabel, TaskLabels


def test_values_beyond_the_limit_become_other() -> None:
    label = BoundedLabel(2)
    assert [label(v) for v in ("a", "b", "c", "a", "d", "b")] == ["a", "b", OTHER, "a", OTHER, "b"]


def test_a_pair_beyond_the_limit_keeps_its_queue() -> None:
    labels = TaskLabels(max_queues=2, max_pairs=2)
    assert labels(("mail", "send")) == ("mail", "send")
    assert labels(("web", "crawl")) == ("web", "crawl")
    assert labels(("mail", "bounce")) == ("mail", OTHER)
    assert labels(("third", "send")) == (OTHER, OTHER)
    assert labels(("mail", "send")) == ("mail", "send")


def test_a_queue_beyond_the_limit_gives_its_names_away_too() -> None:
    labels = TaskLabels(max_queues=1, max_pairs=10)
    assert labels(("mail", "send")) == ("mail", "send")
    assert labels(("web", "send")) == (OTHER, OTHER)


def test_label_sets_stay_within_the_stated_bound() -> None:
    labels = TaskLabels(max_queues=5, max_pairs=20)
    pairs = product((f"q{i}" for i in range(50)), (f"n{i}" for i in range(50)))
    assert len({labels(pair) for pair in pairs}) <= 20 + 5 + 1
