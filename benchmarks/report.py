"""Writes what `build/bench` holds into docs/performance.md, with plots beside it: `make bench-report`.

Quick runs are left out, for their figures mean nothing; so is a case that has none. Each table says of how many runs
its medians are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping

from benchmarks import plots
from benchmarks.case import Case
from benchmarks.cases.catalogue import CASES
from benchmarks.harness.programs import REPOSITORY
from benchmarks.peers.catalogue import PEERS
from benchmarks.results import FOLDER, Recorded, load
from benchmarks.runs import Result
from benchmarks.systems import rowlock
from benchmarks.tables import markdown

PAGE = REPOSITORY / "docs" / "performance.md"
IMAGES = REPOSITORY / "docs" / "images" / "performance"
PART = re.compile(r"(<!-- measured -->)(.*)(<!-- end -->)", re.DOTALL)


def report() -> str:
    """The part of the page that is generated."""
    own, beside = _worth_showing(load("rowlock")), _worth_showing(load("peers"))
    parts: list[str] = []
    if own:
        parts += ["## rowlock alone", _circumstances(own)]
        parts += [part for case in CASES.values() if case.name in own for part in _case(case, own[case.name])]
        parts += list(_whole_life(own))
    if beside:
        parts += ["## Beside others", _circumstances(beside), _settings()]
        parts += [part for case in CASES.values() if case.name in beside for part in _compared(case, beside[case.name])]
    return "\n\n".join(parts)


def _worth_showing(cases: Mapping[str, Recorded]) -> dict[str, Recorded]:
    return {name: case for name, case in cases.items() if case.scale != "quick" and any(r.runs for r in case.results)}


def _circumstances(cases: Mapping[str, Recorded]) -> str:
    newest = max(cases.values(), key=lambda case: case.measured_at)
    facts = newest.machine
    settings = ", ".join(f"`{name} = {value}`" for name, value in facts["settings"].items())
    durability = ", ".join(f"`{name}`" for name in facts["durability"])
    return (
        f"Measured until {newest.measured_at[:10]} on {facts['cores']} cores ({facts['processor']}), "
        f"{facts['memory_gb']} GB, Linux {facts['kernel']}, Python {facts['python']}, PostgreSQL {facts['postgresql']} "
        f"with {settings}; {durability} are on. Workers, producers and PostgreSQL share the cores."
    )


def _case(case: Case, recorded: Recorded) -> Iterator[str]:
    yield f"### {case.title}"
    yield case.says
    yield markdown(case, recorded.results, systems=False)
    yield _of_runs(recorded)
    series = {name: _lines(recorded.results, name) for name in ("rate", "backlog", "rss")}
    for name, label in (("rate", "tasks/s"), ("backlog", "tasks waiting"), ("rss", "RSS, MB")):
        if series[name]:
            yield _drawn(
                f"{case.name}-{name}", case.title, lambda path, n=name, t=label: plots.lines(path, series[n], t)
            )


def _compared(case: Case, recorded: Recorded) -> Iterator[str]:
    yield f"### {case.title}, compared"
    yield case.says
    ordered = sorted(recorded.results, key=lambda result: (result.variant, _rank(result)))
    yield markdown(case, ordered, systems=True)
    yield _of_runs(recorded)
    failed = sorted(f"{result.system} ({result.variant})" for result in recorded.results if not result.runs)
    if failed:
        yield f"Without a sound run, and so left out: {', '.join(failed)}."
    if case.name == "drain":
        yield _drawn("drain-compared", case.title, lambda path: plots.bars(path, ordered, "rate", "tasks/s"))
    if case.name == "churn":
        for variant in ("free", "pinned"):
            chosen = [result for result in recorded.results if result.variant == variant]
            series = {result.system: result.runs[-1].timelines["rate"] if result.runs else [] for result in chosen}
            title = f"{case.title}, the horizon {variant}"
            yield _drawn(f"churn-{variant}", title, lambda path, s=series: plots.lines(path, s, "tasks/s"))


def _rank(result: Result) -> float:
    """The best first: by rate, else by the median duration."""
    median = result.median
    return -median["rate"] if "rate" in median else median.get("p50_ms", float("inf"))


def _lines(results: list[Result], name: str) -> dict[str, list[tuple[float, float]]]:
    found = {r.variant: r.runs[-1].timelines[name] for r in results if r.runs and r.runs[-1].timelines.get(name)}
    return {f"rowlock, {variant}": points for variant, points in found.items()}


def _of_runs(recorded: Recorded) -> str:
    counts = sorted({len(result.runs) for result in recorded.results if result.runs})
    if counts == [1]:
        return "One run."
    said = " or ".join(str(count) for count in counts)
    return f"Medians of {said} runs{', where what takes minutes ran once' if counts[0] == 1 else ''}."


def _whole_life(own: Mapping[str, Recorded]) -> Iterator[str]:
    """PostgreSQL's CPU for a task from enqueueing to its end, beside the same statements without rowlock."""
    if not {"enqueue", "drain", "floor"} <= own.keys():
        return
    ours = _server_cpu(own["enqueue"], "bulk") + _server_cpu(own["drain"], "no-op, 1 worker")
    floor = _server_cpu(own["floor"], "bulk enqueue, thin loop") + _server_cpu(own["floor"], "drain, pgbench, 1 client")
    yield "### A task's whole life in PostgreSQL"
    yield (
        f"CPU of the server from a bulk enqueue to the recorded end: {ours:.1f} µs a task with rowlock, {floor:.1f} µs "
        f"with its statements alone, the former being {ours / floor:.2f} times the latter."
    )


def _server_cpu(recorded: Recorded, variant: str) -> float:
    return next(result.median["server_cpu_us"] for result in recorded.results if result.variant == variant)


def _settings() -> str:
    lines = [f"- **{peer.name}** {peer.version}: {peer.settings}" for peer in PEERS]
    return "\n".join([f"- **rowlock**: {rowlock().settings}", *lines])


def _drawn(name: str, title: str, draw: Callable[..., None]) -> str:
    path = IMAGES / f"{name}.svg"
    draw(path)
    return f"![{title}]({path.relative_to(PAGE.parent)})"


def main() -> None:
    """Writes the page."""
    text = PAGE.read_text()
    made = report()
    if not made:
        sys.exit(f"There is nothing to report in {FOLDER}: run make bench or make bench-peers first (not quick).")
    PAGE.write_text(PART.sub(lambda match: f"{match[1]}\n\n{made}\n\n{match[3]}", text))
    print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
