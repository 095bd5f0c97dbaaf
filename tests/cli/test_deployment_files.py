"""What is shipped for containers and clusters: read as the engines would read it, for there is none to try it on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.caller import Caller
from tests.docs.pages import Page

from rowlock.cli.supervision.supervisor import MARGIN_SECONDS
from rowlock.config import Settings

REPOSITORY = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
DEPLOYING = REPOSITORY / "docs/how-to/deploy-workers.md"
DOCKER = REPOSITORY / "ops" / "docker"
CLUSTER = REPOSITORY / "ops" / "k8s"
MANIFESTS = [
    document
    for name in yaml.safe_load((CLUSTER / "kustomization.yaml").read_text())["resources"]
    for document in yaml.safe_load_all((CLUSTER / name).read_text())
]
DEPLOYMENTS = [manifest for manifest in MANIFESTS if manifest["kind"] == "Deployment"]


LAST_WORDS = 5  # for which a supervisor ends what has not ended by itself


def stopping_seconds(environment: Mapping[str, str | None]) -> float:
    """How long whatever stops a process must let it be: longer than its supervisor lets its own children be."""
    allowed = [
        float(environment.get(f"ROWLOCK_{name.upper()}") or Settings.model_fields[name].default)
        for name in ("drain_seconds", "force_seconds")
    ]
    return sum(allowed) + MARGIN_SECONDS + LAST_WORDS


def commands() -> list[list[str]]:
    """Arguments of every container that runs rowlock."""
    of_compose = [service["command"] for service in COMPOSE["services"].values() if service["image"] == "rowlock"]
    return of_compose + [_container(manifest)["args"] for manifest in MANIFESTS if "template" in manifest["spec"]]


def _container(manifest: dict[str, Any]) -> dict[str, Any]:
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("command", commands(), ids=shlex.join)
def test_every_container_runs_a_command_that_exists(cli_without_database: Caller, command: list[str]) -> None:
    assert cli_without_database(*command, "--help").code == 0


def test_compose_runs_every_server_behind_a_migrated_database() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"postgres", "migrate", "api", "scheduler", "worker"}
    for name in ("api", "scheduler", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert float(services[name]["stop_grace_period"].removesuffix("s")) >= stopping_seconds({})
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["image"] == "postgres:18"
    # From 18 on the image keeps its data in a folder of its version below this one.
    assert services["postgres"]["volumes"] == ["database:/var/lib/postgresql"]
    used = {each.partition(":")[0] for service in services.values() for each in service.get("volumes", [])}
    assert {volume for volume in used if not volume.startswith(".")} == set(COMPOSE["volumes"])


def test_the_image_is_built_from_files_that_are_in_its_context() -> None:
    build = COMPOSE["services"]["api"]["build"]
    dockerfile = REPOSITORY / build["dockerfile"]
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile.read_text(), re.MULTILINE)
    for name in shlex.split(" ".join(copied)):
        assert (REPOSITORY / name).exists(), name
        assert f"\n!{name}\n" in ignored, name


@pytest.mark.parametrize("manifest", DEPLOYMENTS, ids=lambda manifest: str(manifest["metadata"]["name"]))
def test_deployments_are_probed_and_have_time_to_drain(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    container = _container(manifest)
    settings = {each["name"]: each.get("value") for each in container["env"]}
    assert pod["terminationGracePeriodSeconds"] >= stopping_seconds(settings)
    paths = {
        probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"}
    [port] = container["ports"]
    assert all(container[probe]["httpGet"]["port"] == port["name"] for probe in paths)
    assert port["containerPort"] == int(settings.get("ROWLOCK_METRICS_PORT", 8642))
    assert manifest["spec"]["selector"]["matchLabels"] == manifest["spec"]["template"]["metadata"]["labels"]


def test_the_image_can_send_traces_as_the_page_says() -> None:
    assert "constraints.txt '.[otel]'" in (DOCKER / "Dockerfile").read_text()


def units() -> dict[str, ConfigParser]:
    """systemd's units of the page, by what they run."""
    found = {}
    for block in Page(DEPLOYING, DEPLOYING.read_text()).blocks:
        if block.language == "ini":
            unit = ConfigParser()
            unit.read_string(block.text)
            found[unit["Service"]["ExecStart"].partition("/rowlock ")[2]] = unit
    return found


def test_systemd_runs_commands_that_exist_and_gives_them_time_to_end(cli_without_database: Caller) -> None:
    assert units().keys() == {"worker shop.jobs:app", "scheduler"}
    for command, unit in units().items():
        assert cli_without_database(*command.split(), "--help").code == 0
        assert unit["Unit"]["Wants"] == unit["Unit"]["After"]
        assert unit["Service"].getfloat("TimeoutStopSec") >= stopping_seconds({})
    formula = f"`ROWLOCK_DRAIN_SECONDS` + `ROWLOCK_FORCE_SECONDS` + {MARGIN_SECONDS + LAST_WORDS:g}: "
    assert f"{formula}that is {stopping_seconds({}):g} by default" in " ".join(DEPLOYING.read_text().split())


def test_systemd_stops_the_first_process_of_a_worker_alone() -> None:
    assert units()["worker shop.jobs:app"]["Service"]["KillMode"] == "mixed"


def test_every_pod_takes_the_database_from_the_secret_and_what_needs_sessions_a_direct_address() -> None:
    pods = [manifest for manifest in MANIFESTS if "template" in manifest["spec"]]
    assert {manifest["metadata"]["name"] for manifest in pods} == {
        "rowlock-migrate", "rowlock-api", "rowlock-scheduler", "rowlock-worker"
    }  # fmt: skip
    for manifest in pods:
        [source] = [each["valueFrom"] for each in _container(manifest)["env"] if each["name"] == "ROWLOCK_DATABASE_URL"]
        direct = manifest["metadata"]["name"] in {"rowlock-migrate", "rowlock-scheduler"}
        assert source == {"secretKeyRef": {"name": "rowlock-database", "key": "direct-url" if direct else "url"}}
