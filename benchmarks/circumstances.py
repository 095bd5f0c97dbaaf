"""What results were measured under, in the words of docs/performance.md: machines, systems, versions, dates, loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.cases.catalogue import CASES
from benchmarks.machine import BUSY
from benchmarks.peers.catalogue import PEERS
from benchmarks.results import Recorded
from benchmarks.runs import Result
from benchmarks.systems import System, rowlock

NOT_RECORDED = "version not recorded"
# Of files of before.
OLD = (
    "What has no version recorded was measured by cases that differ from what is said of them here: a steady load came "
    "in calls of five to ten tasks, the time of several workers began with the first task of the first one, and CPU "
    "was read in ticks of 10 ms."
)


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
    if NOT_RECORDED in commits:
        yield OLD
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


def without_figures(results: Sequence[Result]) -> Iterator[str]:
    """A sentence for what has no sound run, with the reason of each."""
    failed = [each for each in results if not each.runs]
    if failed:
        yield "Without a sound run, and so left out:\n\n" + "\n".join(
            f"- {each.system}, {each.variant}: {_reason(each)}" for each in failed
        )


def _reason(result: Result) -> str:
    """The first line of what its first run said."""
    return result.failures[0].partition("\n")[0] if result.failures else "it was not run"


def systems(beside: Mapping[str, Sequence[Recorded]]) -> str:
    """The systems that have figures, with the settings of their own."""
    having = {each.result.system for recorded in beside.values() for each in recorded if each.result.runs}
    lines = [_setting(system) for system in (rowlock(), *PEERS) if system.name in having]
    return "\n".join(["All run on the same server with these settings, and each with its own:", "", *lines])


def _setting(system: System) -> str:
    version = f" {system.version}" if system.version else ""
    fewer = f"; {system.tasks_share:.0%} of the tasks in drains and bulk enqueueing" if system.tasks_share < 1 else ""
    return f"- **{system.name}**{version}: {system.settings}{fewer}"


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
    return f"version `{commit}`" if commit else NOT_RECORDED


def _machine(recorded: Recorded) -> str:
    facts = recorded.machine
    settings = ", ".join(f"`{name} = {value}`" for name, value in facts["settings"].items())
    if "commit" not in facts:  # as in files of before
        settings += " and others that were not recorded"
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
