"""The reader of expressions finds what is misspelt, or it would find nothing wrong ever."""

from __future__ import annotations

import pytest
from tests.unit.telemetry.promql import families_in, labels_of_result, unknown_in

EXPORTED = {
    "rowlock_x_bucket": frozenset({"queue", "le"}),
    "rowlock_y_total": frozenset({"kind"}),
}


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("sum by (le, queue) (rate(rowlock_x_bucket[5m]))", []),
        ('rowlock_y_total{kind="a", job=~"b"} > 0', []),
        ("rate(rowlock_z_total[5m])", ["rowlock_z_total"]),
        ('rowlock_y_total{queue="a"}', ["rowlock_y_total{queue}"]),
        ("sum by (queue) (rowlock_y_total)", ["by (queue)"]),
        ("vector(1)", ["no series in 'vector(1)'"]),
    ],
)
def test_what_nothing_exports_is_named(expression: str, unknown: list[str]) -> None:
    assert unknown_in(expression, EXPORTED) == unknown


def test_the_results_labels_are_those_grouped_by_or_the_first_series() -> None:
    assert labels_of_result("max by (kind) (rowlock_y_total)", EXPORTED) == {"kind"}
    assert labels_of_result("rowlock_y_total > 0", EXPORTED) == {"kind", "job", "instance"}


def test_histograms_are_one_family() -> None:
    assert families_in("rowlock_x_sum / rowlock_x_count + rowlock_y_total") == {
        "rowlock_x",
        "rowlock_y_total",
    }
