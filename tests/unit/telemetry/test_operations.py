"""Alerts, dashboard and runbooks speak of what exists: metrics, labels, files, database objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.telemetry.promql import families_in, labels_of_result, unknown_in

from rowlock.cli.startup.run import children
from rowlock.config import Settings
from rowlock.engine.queue_board import STATES
from rowlock.worker.performing import PUT_OFF_SECONDS, SPREAD

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "ops" / "runbooks").glob("*.md"))


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((ROOT / "ops/prometheus/alerts.yml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "ops/grafana/rowlock.json").read_text())
    return document


def panels() -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_asks_for_what_exists_and_has_a_runbook(
    alert: dict[str, Any], exported: dict[str, frozenset[str]]
) -> None:
    assert unknown_in(alert["expr"], exported) == []
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    spoken_of = re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values()))
    assert set(spoken_of) <= labels_of_result(alert["expr"], exported)
    runbook = ROOT / alert["annotations"]["runbook_url"]
    assert runbook.read_text().splitlines()[0] == f"# {alert['alert']}"


def test_what_a_dead_fleet_held_counts_as_waiting_for_a_worker() -> None:
    [alert] = [alert for alert in alerts() if alert["alert"] == "RowlockQueueWithoutWorker"]
    [matched] = re.findall(r'rowlock_queue_depth\{status=~"([^"]+)"\}', alert["expr"])
    assert {state for state in STATES if re.fullmatch(matched, state)} == {"ready", "orphaned"}


def test_a_task_that_an_old_worker_meets_during_a_deploy_wakes_nobody() -> None:
    """It is counted for its longest pause and a minute more, unless it is run before."""
    [alert] = [alert for alert in alerts() if alert["alert"] == "RowlockTasksWithoutHandler"]
    minutes = float(alert["for"].removesuffix("m"))
    assert minutes * 60 > 4 * PUT_OFF_SECONDS * (1 + SPREAD) + 60


def test_every_runbook_belongs_to_an_alert() -> None:
    urls = {alert["annotations"]["runbook_url"] for alert in alerts()}
    assert {str(path.relative_to(ROOT)) for path in RUNBOOKS} == urls


def test_prometheus_loads_the_alerts_and_scrapes_each_kind_of_process() -> None:
    config = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yml"]
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    assert jobs == {"rowlock-api", "rowlock-worker", "rowlock-scheduler"}


def test_prometheus_finds_each_process_of_rowlock_up_where_it_listens() -> None:
    text = (ROOT / "ops/prometheus/prometheus.yml").read_text()
    [port] = re.findall(r"^#   ROWLOCK_METRICS_PORT=(\d+) rowlock up$", text, re.MULTILINE)
    settings = Settings(metrics_port=int(port))
    ports = {"api": str(settings.port)}
    for child in children(settings, "jobs:app", {})[1:]:
        ports[child.name] = child.environment["ROWLOCK_METRICS_PORT"]
    assert {
        job["job_name"]: job["static_configs"] for job in yaml.safe_load(text)["scrape_configs"]
    } == {f"rowlock-{name}": [{"targets": [f"127.0.0.1:{at}"]}] for name, at in ports.items()}  # fmt: skip


def test_the_dashboard_asks_for_what_exists(exported: dict[str, frozenset[str]]) -> None:
    unknown = {expr: unknown_in(expr, exported) for expr in dashboard_expressions()}
    assert {expr: names for expr, names in unknown.items() if names} == {}


def test_every_metric_is_on_the_dashboard(exported: dict[str, frozenset[str]]) -> None:
    shown = set().union(*map(families_in, dashboard_expressions()))
    assert {next(iter(families_in(name))) for name in exported} == shown


def test_panels_are_numbered_once_and_do_not_overlap() -> None:
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in everything)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: str(path.stem))
def test_a_runbook_says_what_it_means_how_to_look_and_what_to_do(runbook: Path) -> None:
    text = runbook.read_text()
    assert "\n**Means.** " in text
    assert text.index("\n## Look\n") < text.index("\n## Do\n")


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: str(path.stem))
def test_a_runbook_names_database_objects_files_and_settings_that_exist(runbook: Path) -> None:
    text = runbook.read_text()
    migrations = "\n".join(path.read_text() for path in (ROOT / "migrations/sql").rglob("*.sql"))
    made = set(re.findall(r"CREATE (?:OR REPLACE )?(?:\w+ )?rowlock\.(\w+)", migrations))
    named = re.findall(r"\browlock\.(\w+)", text.replace("_YYYYMMDD", ""))  # a day is made as its parent was
    assert set(named) - made == set()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (runbook.parent / link).is_file()
    settings = (ROOT / "app/rowlock/config.py").read_text()
    for setting in re.findall(r"\bROWLOCK_([A-Z_]+)\b", text):
        assert f"    {setting.lower()}: " in settings
