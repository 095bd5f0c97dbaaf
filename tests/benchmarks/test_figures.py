"""What the benchmarks make of what they read: percentiles, rates, medians, tables, and scripts for pgbench."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.cases.catalogue import CASES
from benchmarks.floor.scripts import drain_script, enqueue_script
from benchmarks.harness.counters import COUNTER, MARKS, Marks, own_counter, read_counter, read_marks
from benchmarks.harness.figures import FIGURES, Measured, median_of, percentile
from benchmarks.harness.stage import rates
from benchmarks.runs import Result
from benchmarks.systems import rowlock
from benchmarks.tables import markdown


def test_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert [percentile(ordered, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7


def test_from_a_hundred_on_decimals_are_not_shown() -> None:
    assert [FIGURES["client_cpu_us"].shown(value) for value in (9.94, 99.94, 1590.9)] == ["9.9", "99.9", "1,591"]


def test_rates_lie_between_samples() -> None:
    assert rates([(0.0, 0.0), (2.0, 100.0), (3.0, 100.0)]) == [(2.0, 50.0), (3.0, 0.0)]


def test_median_is_of_the_runs_that_have_the_figure() -> None:
    assert median_of([{"rate": 1.0}, {"rate": 9.0, "p50_ms": 2.0}, {"rate": 3.0}]) == {"rate": 3.0, "p50_ms": 2.0}


def test_counters_and_marks_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COUNTER, str(tmp_path / "count"))
    monkeypatch.setenv(MARKS, str(tmp_path / "marks"))
    counter, marks = own_counter(), Marks()
    counter[0] += 41
    counter[0] += 1
    marks.add(-1, 10)
    marks.add(7, 20, 30)
    marks.close()
    assert read_counter(tmp_path / "count") == 42
    assert list(read_marks(tmp_path / "marks")) == [(-1, 10, 0), (7, 20, 30)]


def test_a_table_has_the_columns_that_somebody_has() -> None:
    case = CASES["enqueue"]
    results = [
        Result("enqueue", "bulk", "rowlock", [Measured({"rate": 1234.5})]),
        Result("enqueue", "single", "rowlock", [Measured({"rate": 10.0, "p50_ms": 0.5})]),
        Result("enqueue", "broken", "rowlock", failures=["It was unsound."]),
    ]
    assert markdown(case, results, systems=False).splitlines() == [
        "|  | rate (tasks/s) | p50 (ms) |",
        "| --- | ---: | ---: |",
        "| bulk | 1,234 | – |",
        "| single | 10 | 0.50 |",
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_case_shows_figures_that_are_known_and_names_its_variants_apart(name: str) -> None:
    case = CASES[name]
    assert set(case.columns) <= FIGURES.keys()
    for scale in ("quick", "full", "long"):
        names = [variant.name for variant in case.variants(scale, [rowlock()])]
        assert len(set(names)) == len(names) > 0


def test_scripts_of_the_floor_leave_no_parameter_open() -> None:
    for script in (enqueue_script(), drain_script(500)):
        assert "%(" not in script
    assert "claimed AS (\nUPDATE rowlock.tasks_live" in drain_script(500)
