"""What this process has counted."""

from __future__ import annotations

from rowlock.telemetry.metrics import process_metrics


def figure(name: str, **labels: str) -> float:
    """A metric of this process, named without its `rowlock_`; 0 before it was counted in."""
    return process_metrics().registry.get_sample_value(f"rowlock_{name}", labels) or 0.0
