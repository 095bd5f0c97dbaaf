"""The tables of `docs/reliability.md`, from the figures that the latest full run of `make test-faults` left."""

from __future__ import annotations

from typing import Any

import orjson
from tests.docs.markdown import table
from tests.harness.nemesis.faults import Fault, kinds
from tests.harness.nemesis.tally import BARS, FIGURES


def figures() -> dict[str, Any]:
    """What the run wrote."""
    found: dict[str, Any] = orjson.loads(FIGURES.read_bytes())
    return found


def figures_table() -> str:
    """How much was done, and what was found."""
    run = figures()
    last_seed = run["first_seed"] + run["histories"] - 1
    about = (
        f"{run['histories']} histories (seeds {run['first_seed']} to {last_seed}) on {run['on']}, "
        f"in {run['minutes']:g} minutes on {run['machine']}."
    )
    titles = ("Faults", "Kinds", "Tasks", "Attempts", "Lost", "Accepted twice", "Stuck", "Other findings")
    faults = run["faults"]
    counts = (
        sum(faults.values()), len(faults), run["tasks"], run["attempts"],
        run["lost"], run["accepted_twice"], run["stuck"], run["other"],
    )  # fmt: skip
    return f"{about}\n\n{table(titles, [[f'{count:,}' for count in counts]])}"


def recovery_table() -> str:
    """The longest of each recovery."""
    measured = figures()["recovery"]
    rows = []
    for bar in BARS:
        found = measured.get(bar.name, {"measured": 0, "most": None})
        most = "–" if found["most"] is None else f"{found['most']:g} {bar.unit}".strip()
        rows.append((bar.name, f"{found['measured']:,}", most, f"{bar.most:g} {bar.unit}".strip()))
    return table(("Recovery", "Measured", "Most", "Allowed"), rows)


def faults_table() -> str:
    """Every kind that there is, with what it does and how often it struck."""
    struck = figures()["faults"]
    rows = [
        (one.kind, one.tells, _on(one), f"{struck.get(one.kind, 0):,}")
        for one in sorted(kinds().values(), key=lambda one: one.kind.lower())
    ]
    return table(("Kind", "What it is", "Of", "Times"), rows)


def _on(fault: Fault) -> str:
    return ", ".join(fault.on) if fault.on else "server"
