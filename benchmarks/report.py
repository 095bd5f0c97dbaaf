"""Writes what `build/bench` holds into docs/performance.md, with plots beside it: `make bench-report`.

Quick runs lie in files of their own, for their figures mean nothing; a case that has no others is left out. Each table
says of how many runs its medians are, and when, of which version and after which load they were measured.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import plots
from benchmarks.case import Case
from benchmarks.cases.catalogue import CASES
from benchmarks.circumstances import machines, of_runs, systems, taken, without_figures
from benchmarks.harness.programs import REPOSITORY
from benchmarks.peers.catalogue import PEERS
from benchmarks.results import FOLDER, Recorded, load
from benchmarks.runs import Result
from benchmarks.systems import System, rowlock
from benchmarks.tables import markdown
from benchmarks.whole_life import whole_life

PAGE = REPOSITORY / "docs" / "performance.md"
IMAGES = REPOSITORY / "docs" / "images" / "performance"
PART = re.compile(r"(<!-- measured -->)(.*)(<!-- end -->)", re.DOTALL)
Cases = Mapping[str, Sequence[Recorded]]


def report() -> str:
    """The part of the page that is generated."""
    own, beside = _worth_showing("rowlock", [rowlock()]), _worth_showing("peers", [rowlock(), *PEERS])
    parts: list[str] = []
    if own:
        parts += ["## rowlock alone", *machines(own)]
        parts += [part for name, recorded in own.items() for part in _case(CASES[name], recorded)]
        parts += list(whole_life(own))
    if beside:
        parts += ["## Beside others", *machines(beside), systems(beside)]
        parts += [part for name, recorded in beside.items() for part in _compared(CASES[name], recorded)]
    return "\n\n".join(parts)


def _worth_showing(name: str, measured: Sequence[System]) -> Cases:
    """The cases that have figures, in their order, with the results of variants that there still are, in theirs."""
    held, shown = load(name), dict[str, list[Recorded]]()
    for case in CASES.values():
        variants = [each for scale in ("full", "long") for each in case.variants(scale, measured)]
        places = {(each.system.name, each.name): place for place, each in enumerate(variants)}
        found = [each for each in held.get(case.name, []) if each.scale != "quick" and each.key in places]
        if any(each.result.runs for each in found):
            shown[case.name] = sorted(found, key=lambda each: places[each.key])
    return shown


def _case(case: Case, recorded: Sequence[Recorded]) -> Iterator[str]:
    results = [each.result for each in recorded]
    yield f"### {case.title}"
    yield case.says
    yield markdown(case, results, systems=False)
    yield f"{of_runs(recorded)} {taken(recorded)}"
    yield from without_figures(results)
    series = {name: _lines(results, name) for name in ("rate", "backlog", "rss")}
    for name, label in (("rate", "tasks/s"), ("backlog", "tasks waiting"), ("rss", "RSS, MB")):
        if series[name]:
            yield _drawn(
                f"{case.name}-{name}", case.title, lambda path, n=name, t=label: plots.lines(path, series[n], t)
            )


def _compared(case: Case, recorded: Sequence[Recorded]) -> Iterator[str]:
    results = [each.result for each in recorded]
    yield f"### {case.title}, compared"
    yield case.says
    ordered = sorted(results, key=lambda result: (result.variant, _rank(result)))
    yield markdown(case, ordered, systems=True)
    yield f"{of_runs(recorded)} {taken(recorded)}"
    yield from without_figures(results)
    if case.name == "drain":
        yield _drawn("drain-compared", case.title, lambda path: plots.bars(path, ordered, "rate", "tasks/s"))
    if case.name == "churn":
        for variant in ("free", "pinned"):
            chosen = [result for result in results if result.variant == variant]
            series = {result.system: result.runs[-1].timelines["rate"] if result.runs else [] for result in chosen}
            title = f"{case.title}, the horizon {variant}"
            yield _drawn(f"churn-{variant}", title, lambda path, s=series: plots.lines(path, s, "tasks/s"))


def _rank(result: Result) -> float:
    """The best first: by rate, else by the median duration."""
    median = result.median
    return -median["rate"] if "rate" in median else median.get("p50_ms", float("inf"))


def _lines(results: Sequence[Result], name: str) -> dict[str, list[tuple[float, float]]]:
    found = {r.variant: r.runs[-1].timelines[name] for r in results if r.runs and r.runs[-1].timelines.get(name)}
    return {f"rowlock, {variant}": points for variant, points in found.items()}


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
