"""What results were measured under, in the words of docs/performance.md: machines, versions, dates, loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.cases.catalogue import CASES
from benchmarks.machine import BUSY
from benchmarks.results import Recorded


def machines(cases: Mapping[str, Sequence[Recorded]]) -> Iterator[str]:
    """A paragraph for each machine and server that a section's results are of; and one if they are of many versions."""
    found = _grouped([each for recorded in cases.values() for each in recorded], _machine)
    for said, recorded in found.items():
        yield said if len(found) == 1 else f"{_titles(recorded)}: {said}"
    yield (
        "Workers, producers and PostgreSQL share the cores. Below each table stand the version of rowlock and the "
        f"machine's load before the command began: above {BUSY} something else was running, and the figures are worse "
        "than they would be."
    )
    commits = _grouped([each for recorded in cases.values() for each in recorded], _commit)
    if len(commits) > 1:
        said = "; ".join(f"{commit}: {_titles(recorded)}" for commit, recorded in commits.items())
        yield f"**This section is of more than one version of rowlock.** {said}."


def of_runs(recorded: Sequence[Recorded]) -> str:
    """Of how many runs the medians of a table are."""
    counts = sorted({len(each.result.runs) for each in recorded if each.result.runs})
    if counts == [1]:
        return "One run."
    said = " or ".join(str(count) for count in counts)
    return f"Medians of {said} runs{', where what takes minutes ran once' if counts[0] == 1 else ''}."


def taken(recorded: Sequence[Recorded]) -> str:
    """When a table's results were measured, of which version and after which load; several are told apart."""
    found = _grouped([each for each in recorded if each.result.runs], _occasion)
    if len(found) == 1:
        return f"Measured {next(iter(found))}."
    return " ".join(f"{_names(group)}: {said}." for said, group in found.items())


def _grouped(recorded: Sequence[Recorded], key: Callable[[Recorded], str]) -> dict[str, list[Recorded]]:
    groups: dict[str, list[Recorded]] = {}
    for each in recorded:
        groups.setdefault(key(each), []).append(each)
    return groups


def _occasion(recorded: Recorded) -> str:
    load = recorded.machine["load_before"]
    return (
        f"on {recorded.measured_at[:10]}{' in the scale `long`' if recorded.scale == 'long' else ''}, "
        f"{_commit(recorded)}, load {load:.1f} before{' (**busy**)' if load > BUSY else ''}"
    )


def _commit(recorded: Recorded) -> str:
    commit = recorded.machine.get("commit")
    return f"version `{commit}`" if commit else "version not recorded"


def _machine(recorded: Recorded) -> str:
    facts = recorded.machine
    settings = ", ".join(f"`{name} = {value}`" for name, value in facts["settings"].items())
    durability = ", ".join(f"`{name}`" for name in facts["durability"])
    return (
        f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gb']} GB, Linux {facts['kernel']}, Python "
        f"{facts['python']}, PostgreSQL {facts['postgresql']} with {settings}; {durability} are on."
    )


def _titles(recorded: Sequence[Recorded]) -> str:
    return ", ".join(dict.fromkeys(CASES[each.result.case].title for each in recorded))


def _names(recorded: Sequence[Recorded]) -> str:
    """Systems with their variants."""
    return ", ".join(f"{each.result.system}, {each.result.variant}" for each in recorded)
