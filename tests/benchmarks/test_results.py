"""What a benchmark keeps, and what the page says of how it was measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from benchmarks.circumstances import machines, systems, taken, without_figures
from benchmarks.harness.figures import Measured
from benchmarks.results import Recorded, load, save
from benchmarks.runs import Result
from benchmarks.whole_life import whole_life

from benchmarks import machine, results

FACTS: dict[str, Any] = {
    "commit": "abc1234", "load_before": 0.2, "cores": 2, "processor": "P", "memory_gb": 4, "kernel": "6", "python": "3",
    "postgresql": "18", "settings": {"jit": "off"}, "durability": {"fsync": "on"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


def result(system: str, variant: str, rate: float = 1.0) -> Result:
    return Result("drain", variant, system, [Measured({"rate": rate}, {"rate": [(1.0, rate)]})])


def rates() -> dict[tuple[str, str], float]:
    return {each.key: each.result.median["rate"] for each in load("peers")["drain"]}


def test_a_result_replaces_that_of_its_system_and_variant_alone() -> None:
    for system, variant in (("rowlock", "1 worker"), ("rowlock", "2 workers"), ("Awa", "1 worker")):
        save("peers", "full", FACTS, result(system, variant))
    save("peers", "long", {**FACTS, "commit": "def5678"}, result("Awa", "1 worker", 7.0))
    assert rates() == {("rowlock", "1 worker"): 1, ("rowlock", "2 workers"): 1, ("Awa", "1 worker"): 7}
    told = {each.key: (each.scale, each.machine["commit"]) for each in load("peers")["drain"]}
    assert told["Awa", "1 worker"] == ("long", "def5678")
    assert told["rowlock", "1 worker"] == ("full", "abc1234")


def test_a_quick_run_leaves_what_took_long_alone(folder: Path) -> None:
    save("peers", "full", FACTS, result("Awa", "1 worker", 7.0))
    save("peers", "quick", FACTS, result("Awa", "1 worker", 2.0))
    assert rates() == {("Awa", "1 worker"): 7}
    assert sorted(path.name for path in folder.iterdir()) == ["peers-quick.json", "peers.json"]


def test_results_of_a_file_with_one_date_for_a_case_stay(folder: Path) -> None:
    facts = {name: value for name, value in FACTS.items() if name != "commit"}
    old = {"measured_at": "2026-11-29T06:00:00+00:00", "scale": "full", "machine": facts}
    run = {"figures": {"rate": 3.0}, "timelines": {}}
    entry = {"variant": "1 worker", "system": "rowlock", "median": {"rate": 3.0}, "runs": [run], "failures": []}
    (folder / "peers.json").write_text(json.dumps({"drain": {**old, "results": [entry]}}))
    save("peers", "full", FACTS, result("Awa", "1 worker", 7.0))
    assert rates() == {("rowlock", "1 worker"): 3, ("Awa", "1 worker"): 7}
    assert taken(load("peers")["drain"][:1]) == "Measured on 2026-11-29, version not recorded, load 0.2 before."


def test_the_page_tells_versions_and_busy_machines_apart() -> None:
    busy = {**FACTS, "commit": "def5678-dirty", "load_before": 2.5}
    recorded = [
        Recorded(result("rowlock", "1 worker"), "2026-11-29T06:00:00+00:00", "full", FACTS),
        Recorded(result("rowlock", "2 workers"), "2026-11-30T06:00:00+00:00", "long", busy),
    ]
    assert taken(recorded) == (
        "rowlock, 1 worker: on 2026-11-29, version `abc1234`, load 0.2 before. "
        "rowlock, 2 workers: on 2026-11-30 in the scale `long`, version `def5678-dirty`, load 2.5 before (**busy**)."
    )
    *_, mixed = machines({"drain": recorded})
    assert "more than one version" in mixed
    assert "`abc1234`" in mixed
    assert "`def5678-dirty`" in mixed
    assert not any("more than one version" in said for said in machines({"drain": recorded[:1]}))


def test_what_has_no_sound_run_is_told_with_the_reason() -> None:
    broken = Result("drain", "1 worker", "Awa", failures=["worker-1 ended by itself:\nTraceback", "again"])
    assert list(without_figures([result("rowlock", "1 worker")])) == []
    (said,) = without_figures([result("rowlock", "1 worker"), broken])
    assert said.splitlines()[-1] == "- Awa, 1 worker: worker-1 ended by itself:"


def test_systems_without_figures_are_not_listed() -> None:
    churned = Result("churn", "free", "Awa", [Measured({"rate": 1.0})])
    broken = Result("churn", "free", "DBOS", failures=["It was unsound."])
    recorded = [Recorded(each, "2026-11-29T06:00:00+00:00", "full", FACTS) for each in (churned, broken)]
    said = systems({"churn": recorded})
    assert "**Awa** 0.6.9" in said
    assert "25% of the tasks" in said
    assert "DBOS" not in said


def test_a_whole_life_is_not_told_without_all_of_its_figures() -> None:
    parts = {"enqueue": ["bulk"], "drain": ["no-op, 1 worker"]}
    parts["floor"] = ["bulk enqueue, thin loop", "drain, pgbench, 1 client"]
    own = {
        case: [
            Recorded(Result(case, name, "rowlock", [Measured({"server_cpu_us": 5.0})]), "2026", "full", FACTS)
            for name in names
        ]
        for case, names in parts.items()
    }
    assert "10.0 µs a task with rowlock, 10.0 µs" in list(whole_life(own))[-1]
    own["drain"] = [Recorded(Result("drain", "no-op, 1 worker", "rowlock", failures=["No."]), "2026", "full", FACTS)]
    assert list(whole_life(own)) == []
    del own["drain"]
    assert list(whole_life(own)) == []


def test_a_busy_machine_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    loads, said = iter([3.0, 3.0, 0.5, 0.5]), list[str]()
    monkeypatch.setattr(os, "getloadavg", lambda: (next(loads), 0.0, 0.0))
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0)
    assert machine.quiet_load(said.append) == 0.5
    assert len(said) == 1
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 0.0, 0.0))
    assert machine.quiet_load(said.append, within=0) == 3.0
    assert "still busy" in said[-1]
