"""The server of workers and schedulers answers the three routes, and stops."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from rowlock.domain.errors import ConfigurationError
from rowlock.telemetry.exposition import HealthReport, MetricsServer, serve_metrics
from rowlock.telemetry.metrics import Metrics


class Health:
    def __init__(self) -> None:
        self.report = HealthReport(live=True, ready=True)

    def __call__(self) -> HealthReport:
        return self.report


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[MetricsServer]:
    metrics = Metrics()
    metrics.claims.inc(3)
    with serve_metrics(0, metrics.registry, health, host="127.0.0.1") as running:
        yield running


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_served(server: MetricsServer) -> None:
    status, body = get(server, "/metrics")
    assert status == 200
    assert "rowlock_claims_total 3.0" in body.splitlines()


def test_health_follows_the_report(server: MetricsServer, health: Health) -> None:
    assert get(server, "/health/live")[0] == 200
    status, body = get(server, "/health/ready")
    assert status == 200
    assert json.loads(body) == {"status": "ok", "reasons": []}

    health.report = HealthReport(live=True, ready=False, reasons=("The database is away.",))
    assert get(server, "/health/live")[0] == 200
    status, body = get(server, "/health/ready")
    assert status == 503
    assert json.loads(body) == {"status": "unavailable", "reasons": ["The database is away."]}

    health.report = HealthReport(live=True, ready=True, reasons=("The disk is full.",))
    status, body = get(server, "/health/ready")
    assert status == 200
    assert json.loads(body) == {"status": "degraded", "reasons": ["The disk is full."]}

    health.report = HealthReport(live=False, ready=True, reasons=("The loop is stuck.",))
    assert get(server, "/health/live")[0] == 503
    assert get(server, "/health/ready")[0] == 503


def test_other_paths_are_unknown(server: MetricsServer) -> None:
    assert get(server, "/")[0] == 404


def test_a_closed_server_leaves_its_port(health: Health) -> None:
    server = serve_metrics(0, Metrics().registry, health, host="127.0.0.1")
    port = server.port
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    serve_metrics(port, Metrics().registry, health, host="127.0.0.1").close()


def test_a_taken_port_is_refused(server: MetricsServer, health: Health) -> None:
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1 port \d+: .* in use\. .* ROWLOCK_METRICS_PORT"):
        serve_metrics(server.port, Metrics().registry, health, host="127.0.0.1")


def test_an_address_that_is_none_of_this_machine_is_refused(health: Health) -> None:
    with pytest.raises(ConfigurationError, match="ROWLOCK_METRICS_HOST"):
        serve_metrics(0, Metrics().registry, health, host="192.0.2.1")


def test_an_ipv6_address_is_listened_on(health: Health) -> None:
    with serve_metrics(0, Metrics().registry, health, host="::1") as server:
        socket.create_connection(("::1", server.port), timeout=5).close()
